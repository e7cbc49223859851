//! Things at places that are used again.

/// The name of a thing in a [`Slab`]: it never reaches another one that came to the same place later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    place: u32,
    generation: u32,
}

/// Things at places that are used again.
#[derive(Debug)]
pub(crate) struct Slab<T> {
    places: Vec<(u32, Option<T>)>,
    free: Vec<u32>,
}

impl<T> Default for Slab<T> {
    fn default() -> Self {
        Slab { places: Vec::new(), free: Vec::new() }
    }
}

impl<T> Slab<T> {
    /// Takes a thing in.
    pub(crate) fn insert(&mut self, thing: T) -> Key {
        let free = self.free.pop().unwrap_or(self.places.len() as u32);
        match self.places.get_mut(free as usize) {
            Some((generation, place)) => {
                *generation = generation.wrapping_add(1);
                *place = Some(thing);
                Key { place: free, generation: *generation }
            }
            None => {
                self.places.push((0, Some(thing)));
                Key { place: self.places.len() as u32 - 1, generation: 0 }
            }
        }
    }

    /// Takes a thing out.
    pub(crate) fn remove(&mut self, key: Key) -> Option<T> {
        let (generation, place) = self.places.get_mut(key.place as usize)?;
        let thing = if *generation == key.generation { place.take() } else { None };
        if thing.is_some() {
            self.free.push(key.place);
        }
        thing
    }

    /// One thing.
    #[inline]
    pub(crate) fn get(&self, key: Key) -> Option<&T> {
        let (generation, place) = self.places.get(key.place as usize)?;
        if *generation == key.generation { place.as_ref() } else { None }
    }

    /// One thing.
    #[inline]
    pub(crate) fn get_mut(&mut self, key: Key) -> Option<&mut T> {
        let (generation, place) = self.places.get_mut(key.place as usize)?;
        if *generation == key.generation { place.as_mut() } else { None }
    }

    /// All things, by place.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Key, &T)> {
        self.places.iter().enumerate().filter_map(|(place, (generation, thing))| {
            Some((Key { place: place as u32, generation: *generation }, thing.as_ref()?))
        })
    }

    /// The first thing at a place or behind it, and the place behind that.
    pub(crate) fn next(&self, place: usize) -> Option<(Key, usize)> {
        let mut behind = self.places.iter().enumerate().skip(place);
        let (at, (generation, _)) = behind.find(|(_, (_, thing))| thing.is_some())?;
        Some((Key { place: at as u32, generation: *generation }, at + 1))
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.places.len() - self.free.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_old_key_never_reaches_who_came_later() {
        let mut slab = Slab::default();
        let first = slab.insert("first");
        assert_eq!(slab.remove(first), Some("first"));
        let second = slab.insert("second");
        assert_eq!((slab.get(first), slab.get(second)), (None, Some(&"second")));
        assert_eq!((slab.remove(first), slab.len()), (None, 1));
        assert_eq!(slab.iter().map(|(key, _)| key).collect::<Vec<_>>(), [second]);
    }

    #[test]
    fn things_are_found_one_after_the_other() {
        let mut slab = Slab::default();
        let keys = [0, 1, 2, 3].map(|thing| slab.insert(thing));
        slab.remove(keys[1]);
        assert_eq!(slab.next(0), Some((keys[0], 1)));
        assert_eq!(slab.next(1), Some((keys[2], 3)));
        assert_eq!((slab.next(3), slab.next(4)), (Some((keys[3], 4)), None));
    }
}

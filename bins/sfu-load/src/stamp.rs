//! The time of departure inside a payload: its last bytes, so that no codec's header is in the way.
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// What comes before the time.
const MARK: [u8; 8] = *b"sfu-load";

/// Bytes of a stamp.
pub const LEN: usize = 16;

/// Where all times of this process are counted from.
fn beginning() -> Instant {
    static BEGINNING: OnceLock<Instant> = OnceLock::new();
    *BEGINNING.get_or_init(Instant::now)
}

/// Writes the time to the end of a payload; nothing where there is no room.
pub fn write(payload: &mut [u8], now: Instant) {
    let nanos = now.saturating_duration_since(beginning()).as_nanos() as u64;
    if let Some((_, [mark @ .., a, b, c, d, e, f, g, h])) = payload.split_last_chunk_mut::<LEN>() {
        mark.copy_from_slice(&MARK);
        [*a, *b, *c, *d, *e, *f, *g, *h] = nanos.to_be_bytes();
    }
}

/// The time at the end of a payload, if it has one.
pub fn read(payload: &[u8]) -> Option<Instant> {
    let (rest, nanos) = payload.split_last_chunk::<8>()?;
    let (_, mark) = rest.split_last_chunk::<8>()?;
    (*mark == MARK).then(|| beginning() + Duration::from_nanos(u64::from_be_bytes(*nanos)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_read_back_and_nothing_else_is_taken_for_one() {
        let now = Instant::now() + Duration::from_millis(5);
        let mut payload = vec![0; 40];
        assert_eq!(read(&payload), None);
        write(&mut payload, now);
        assert_eq!(read(&payload), Some(now));
        let mut short = [1; 15];
        write(&mut short, now);
        assert_eq!((short, read(&short)), ([1; 15], None));
    }
}

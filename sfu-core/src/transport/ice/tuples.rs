//! The validated routes of an agent and the selected one among them.

use arrayvec::ArrayVec;

/// How many routes an agent keeps; as many as mediasoup.
pub(super) const MAX_TUPLES: usize = 8;

/// Validated routes, oldest first, and which of them is selected.
#[derive(Debug, Clone)]
pub(super) struct Tuples<R> {
    routes: ArrayVec<R, MAX_TUPLES>,
    selected: Option<R>,
}

impl<R: Copy + Eq> Tuples<R> {
    pub(super) fn new() -> Self {
        Self { routes: ArrayVec::new(), selected: None }
    }

    /// Whether an authentic check came this way; the selected route is tried first, as media is on it.
    #[inline]
    pub(super) fn contains(&self, route: R) -> bool {
        self.selected == Some(route) || self.routes.contains(&route)
    }

    pub(super) fn selected(&self) -> Option<R> {
        self.selected
    }

    pub(super) fn routes(&self) -> &[R] {
        &self.routes
    }

    /// Adds a route; returns the one that made room for it: the oldest that is not selected.
    pub(super) fn add(&mut self, route: R) -> Option<R> {
        if self.contains(route) {
            return None;
        }
        let evicted = if self.routes.is_full() {
            let oldest = self.routes.iter().position(|old| self.selected != Some(*old)).unwrap_or(0);
            self.routes.pop_at(oldest)
        } else {
            None
        };
        // There is room: either there was, or one was just taken out.
        let _ = self.routes.try_push(route);
        evicted
    }

    /// Selects a route that was added; `true` when it was not selected before.
    pub(super) fn select(&mut self, route: R) -> bool {
        let changed = self.selected != Some(route);
        self.selected = Some(route);
        changed
    }

    /// Removes a route; when it was the selected one, the newest other one is selected. `false` when unknown.
    pub(super) fn remove(&mut self, route: R) -> bool {
        let Some(at) = self.routes.iter().position(|known| *known == route) else { return false };
        self.routes.remove(at);
        if self.selected == Some(route) {
            self.selected = self.routes.last().copied();
        }
        true
    }

    /// Removes and returns all routes.
    pub(super) fn clear(&mut self) -> ArrayVec<R, MAX_TUPLES> {
        self.selected = None;
        std::mem::take(&mut self.routes)
    }
}

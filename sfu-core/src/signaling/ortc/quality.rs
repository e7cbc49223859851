//! Which of several simulcast encodings is the lowest.
use crate::signaling::sdp::Rid;

/// Families of names that applications give their encodings, lowest quality first. `h` is high in one family and half
/// in another: only a family that has all the names counts.
const FAMILIES: [&[&str]; 4] =
    [&["l", "m", "h"], &["q", "h", "f"], &["lo", "mid", "hi"], &["low", "medium", "high"]];

/// Indices into `rids` (the order of `a=simulcast`), lowest quality first.
///
/// What is restricted (`max-br`, `max-width`) is ordered by its restriction; known families of names by their meaning;
/// names that end in numbers (`r0`, `r1` …) by the number; anything else by RFC 8853 §5.2, which has the
/// preferred, that is the best, in front.
pub(super) fn lowest_first(rids: &[&str], declared: &[Rid]) -> Vec<usize> {
    let restriction = |name: &str| -> Option<Vec<u64>> {
        rids.iter().map(|rid| declared.iter().find(|d| d.id == *rid)?.restriction(name)).collect()
    };
    let family = || -> Option<Vec<u64>> {
        FAMILIES.iter().find_map(|family| {
            rids.iter().map(|rid| family.iter().position(|name| name == rid).map(|i| i as u64)).collect()
        })
    };
    let numbers = || -> Option<Vec<u64>> { rids.iter().map(|rid| trailing_number(rid)).collect() };
    let ranks = restriction("max-br")
        .or_else(|| restriction("max-width"))
        .or_else(family)
        .or_else(numbers)
        .filter(|ranks| all_different(ranks))
        .unwrap_or_else(|| (0..rids.len() as u64).rev().collect());
    let mut order: Vec<usize> = (0..rids.len()).collect();
    order.sort_by_key(|index| ranks.get(*index).copied());
    order
}

fn trailing_number(rid: &str) -> Option<u64> {
    let digits = rid.trim_start_matches(|c: char| !c.is_ascii_digit());
    digits.parse().ok()
}

fn all_different(ranks: &[u64]) -> bool {
    ranks.iter().enumerate().all(|(i, rank)| !ranks.iter().skip(i + 1).any(|other| other == rank))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sorted(rids: &str) -> String {
        let rids: Vec<&str> = rids.split(';').collect();
        lowest_first(&rids, &[]).into_iter().map(|i| rids[i]).collect::<Vec<_>>().join(";")
    }

    #[test]
    fn names_are_understood() {
        assert_eq!(sorted("h;m;l"), "l;m;h");
        assert_eq!(sorted("l;m;h"), "l;m;h");
        assert_eq!(sorted("f;h;q"), "q;h;f");
        assert_eq!(sorted("h;l"), "l;h");
        assert_eq!(sorted("hi;mid;lo"), "lo;mid;hi");
        assert_eq!(sorted("r2;r10;r1"), "r1;r2;r10");
        assert_eq!(sorted("best;worst"), "worst;best");
        assert_eq!(sorted("a1;b1"), "b1;a1");
    }

    #[test]
    fn restrictions_say_more_than_names() {
        use crate::signaling::sdp::SessionDescription;
        let text = "v=0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\na=rid:l send max-br=900000\r\na=rid:h send max-br=1000\r\n";
        let section = SessionDescription::parse(text.as_bytes()).unwrap().media.remove(0);
        assert_eq!(lowest_first(&["l", "h"], &section.rids), [1, 0]);
    }
}

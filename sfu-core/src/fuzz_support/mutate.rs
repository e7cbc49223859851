//! Damage done to valid input.
use super::Chance;

/// Values at which lengths, counts and numbers go wrong.
const EDGES: [u8; 12] = [0, 1, 2, 3, 4, 0x7f, 0x80, 0x81, 0xbf, 0xc0, 0xfe, 0xff];

/// What stands where it should not in a text.
const PIECES: &[&[u8]] =
    &[b" ", b"\0", b"\xff\xfe", b":", b";;;;", b"=", b"/", b"*", b"~", b",", b"\r", b"\n", b"-1"];

/// Numbers that are no digit.
const NUMBERS: &[&[u8]] = &[
    b"0",
    b"-1",
    b"255",
    b"256",
    b"65535",
    b"65536",
    b"4294967295",
    b"4294967296",
    b"18446744073709551615",
    b"99999999999999999999999",
    b"1e9",
    b"0x7f",
];

/// Damages `bytes` one to four times: flipped bits, set bytes, edited 16-bit and 32-bit fields, cuts, insertions, removals,
/// repetition, and a splice with `other`. Stays within `max` bytes.
pub fn mutate(chance: &mut Chance, bytes: &mut Vec<u8>, other: &[u8], max: usize) {
    for _ in 0..=chance.below(4) {
        once(chance, bytes, other);
        bytes.truncate(max);
    }
}

fn once(chance: &mut Chance, bytes: &mut Vec<u8>, other: &[u8]) {
    let len = bytes.len();
    // Headers and counts lie in front: they get half of the damage.
    let place = if chance.one_in(2) { chance.below(len.min(32)) } else { chance.below(len) };
    match chance.below(12) {
        0..=2 => {
            let bit = chance.below(8);
            if let Some(byte) = bytes.get_mut(place) {
                *byte ^= 1 << bit;
            }
        }
        3 => {
            let value = if chance.one_in(2) { chance.byte() } else { *chance.pick(&EDGES) };
            if let Some(byte) = bytes.get_mut(place) {
                *byte = value;
            }
        }
        4 => {
            // A small step of a number: off by one.
            let step = if chance.one_in(2) { 1 } else { 0xff };
            if let Some(byte) = bytes.get_mut(place) {
                *byte = byte.wrapping_add(step);
            }
        }
        5 => {
            let edges: [u16; 8] = [0, 1, 2, 0x7fff, 0x8000, 0xfffe, 0xffff, len as u16];
            let value = chance.pick(&edges).to_be_bytes();
            if let Some(field) = bytes.get_mut(place & !1..).and_then(|rest| rest.first_chunk_mut::<2>()) {
                *field = value;
            }
        }
        6 => {
            let edges: [u32; 6] = [0, 1, 0x7fff_ffff, 0x8000_0000, u32::MAX, len as u32];
            let value = chance.pick(&edges).to_be_bytes();
            if let Some(field) = bytes.get_mut(place & !3..).and_then(|rest| rest.first_chunk_mut::<4>()) {
                *field = value;
            }
        }
        7 => bytes.truncate(chance.below(len + 1)),
        8 => {
            let extra = chance.below(40);
            let extra =
                if chance.one_in(2) { chance.bytes(extra) } else { vec![*chance.pick(&EDGES); extra] };
            let at = if chance.one_in(2) { len } else { place };
            bytes.splice(at..at, extra);
        }
        9 => {
            let end = (place + chance.below(16)).min(len);
            bytes.drain(place.min(end)..end);
        }
        10 => {
            let end = (place + 1 + chance.below(64)).min(len);
            let piece: Vec<u8> = bytes.get(place..end).unwrap_or_default().to_vec();
            let times = 1 + chance.below(4);
            bytes.splice(end..end, piece.repeat(times));
        }
        _ => {
            let from = chance.below(other.len());
            bytes.truncate(place);
            bytes.extend_from_slice(other.get(from..).unwrap_or_default());
        }
    }
}

/// Damages a text: what [`mutate`] does, or lines that are lost, doubled, swapped, and numbers that are blown up.
pub fn mutate_text(chance: &mut Chance, text: &mut Vec<u8>, other: &[u8], max: usize) {
    if chance.one_in(3) {
        return mutate(chance, text, other, max);
    }
    let mut lines: Vec<Vec<u8>> = text.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
    let foreign: Vec<&[u8]> = other.split_inclusive(|byte| *byte == b'\n').collect();
    for _ in 0..=chance.below(5) {
        if lines.is_empty() {
            break;
        }
        let (place, second) = (chance.below(lines.len()), chance.below(lines.len()));
        match chance.below(9) {
            0 => drop(lines.remove(place)),
            1 => lines.insert(second, lines[place].clone()),
            2 => lines.swap(place, second),
            3 if !foreign.is_empty() => lines.insert(place, chance.pick(&foreign).to_vec()),
            4 => {
                let many = [16, 64, 300][chance.below(3)];
                let line = lines[place].clone();
                lines.splice(place..place, std::iter::repeat_n(line, many));
            }
            5 => grow_number(chance, &mut lines[place]),
            6 => {
                let piece = *chance.pick(PIECES);
                let at = chance.below(lines[place].len());
                lines[place].splice(at..at, piece.iter().copied());
            }
            7 => {
                let len = lines[place].len();
                let long = vec![b'a'; [100, 300, 5000][chance.below(3)]];
                lines[place].splice(len.saturating_sub(2)..len.saturating_sub(2), long);
            }
            _ => {
                let at = chance.below(lines[place].len());
                lines[place].truncate(at);
            }
        }
    }
    *text = lines.concat();
    text.truncate(max);
}

fn grow_number(chance: &mut Chance, line: &mut Vec<u8>) {
    let digits: Vec<usize> = (0..line.len()).filter(|at| line[*at].is_ascii_digit()).collect();
    if digits.is_empty() {
        return;
    }
    let at = *chance.pick(&digits);
    let number = *chance.pick(NUMBERS);
    line.splice(at..=at, number.iter().copied());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_does_the_same_damage_and_nothing_grows_beyond_the_limit() {
        let base: Vec<u8> = (0..200).collect();
        for seed in 0..2000 {
            let run = |text: bool| {
                let (mut chance, mut bytes) = (Chance::new(seed), base.clone());
                let damage = if text { mutate_text } else { mutate };
                damage(&mut chance, &mut bytes, b"another\nthing\n", 1400);
                bytes
            };
            assert_eq!(run(false), run(false));
            assert_eq!(run(true), run(true));
            assert!(run(false).len() <= 1400 && run(true).len() <= 1400);
        }
        let mut empty = Vec::new();
        for seed in 0..500 {
            mutate(&mut Chance::new(seed), &mut empty, &[], 10);
            empty.clear();
            mutate_text(&mut Chance::new(seed), &mut empty, &[], 10);
            empty.clear();
        }
    }
}

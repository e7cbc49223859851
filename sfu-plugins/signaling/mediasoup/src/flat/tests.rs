use super::*;
use crate::schema::catalog::Catalog;

schema! {
    namespace "Test";

    enum Colour { Red = 0, Green = 5, }

    table Small { a: u8, b: Option<u8>, c: u16 = 7, colour: Colour, }

    table Wide {
        byte: u8,
        long: u64,
        longs: Vec<u64>,
        doubles: Option<Vec<f64>>,
        shorts: Vec<u16>,
        text: String,
    }

    table Tree { children: Vec<Tree>, }

    table Row { cells: Vec<Cell>, }

    table Cell { a: Option<u64>, b: Option<u64>, c: Option<u64>, text: Option<String>, }

    table Chain { next: Option<Box<Chain>>, }

    union Either { Small(Small) = 1, Chain(Chain) = 2, }

    table Holder { either: Either, }
}

/// Each of them, filled in every way.
#[test]
fn what_is_written_is_read() {
    let mut tables = Catalog::default();
    catalog(&mut tables);
    // A chain has no end.
    for table in
        tables.tables.iter().filter(|table| ["Test.Small", "Test.Wide", "Test.Row"].contains(&table.name))
    {
        for number in 0..200 {
            assert!(
                (table.survives)(&mut crate::schema::catalog::Seed::new(number)),
                "{} {number}",
                table.name
            );
        }
    }
}

fn bytes<T: Table>(value: &T) -> Vec<u8> {
    let mut out = Vec::new();
    encode(value, &mut out);
    assert_eq!(out[..4], (out.len() as u32 - 4).to_le_bytes());
    out
}

fn small(a: u8, b: Option<u8>, c: u16, colour: Colour) -> Small {
    Small { a, b, c, colour }
}

/// For readers that go forward alone, from whatever points to a table: planus is one.
#[test]
fn the_vtable_of_each_table_is_behind_what_points_to_it() {
    fn word(bytes: &[u8], at: usize) -> usize {
        u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()) as usize
    }

    /// What is below a table with one slot for a vector of its like; counts it and them.
    fn walk(bytes: &[u8], hole: usize) -> usize {
        let table = hole + word(bytes, hole);
        let vtable = table.wrapping_sub(word(bytes, table) as i32 as usize);
        assert!(vtable > hole, "{hole}: {vtable}");
        if word(bytes, vtable) & 0xffff < 6 {
            return 1;
        }
        let slot = table + (word(bytes, vtable + 4) & 0xffff);
        let vector = slot + word(bytes, slot);
        1 + (0..word(bytes, vector)).map(|index| walk(bytes, vector + 4 + 4 * index)).sum::<usize>()
    }

    let tree = |children: &[Tree]| Tree { children: children.to_vec() };
    let twins = tree(&[tree(&[]), tree(&[])]);
    let message = tree(&[twins.clone(), tree(std::slice::from_ref(&twins)), twins]);
    assert_eq!(walk(&bytes(&message), 4), 11);
}

#[test]
fn what_a_schema_says_anyway_is_not_written() {
    // Prefix, root offset, a table of its vtable's offset alone, a vtable without slots.
    let empty = bytes(&small(0, None, 7, Colour::Red));
    assert_eq!(empty, [12, 0, 0, 0, 4, 0, 0, 0, 0xfc, 0xff, 0xff, 0xff, 4, 0, 4, 0]);
    assert_eq!(decode(&empty[4..]), Ok(small(0, None, 7, Colour::Red)));
    // A scalar that may be absent is there even if it is 0.
    assert!(bytes(&small(0, Some(0), 7, Colour::Red)).len() > empty.len());
}

#[test]
fn bytes_of_the_official_format_are_read() {
    // Written by hand after the description of the format, the vtable before the table: a = 3, c = 0x1234.
    let hand = [16, 0, 0, 0, 0, 0, 10, 0, 8, 0, 4, 0, 0, 0, 6, 0, 10, 0, 0, 0, 3, 0, 0x34, 0x12];
    // The table is at 16, its vtable 10 bytes before it.
    assert_eq!(decode(&hand), Ok(small(3, None, 0x1234, Colour::Red)));
}

#[test]
fn a_field_beyond_its_table_is_an_error() {
    // As above, but the table says that it ends before c.
    let hand = [16, 0, 0, 0, 0, 0, 10, 0, 7, 0, 4, 0, 0, 0, 6, 0, 10, 0, 0, 0, 3, 0, 0x34, 0x12];
    assert_eq!(decode::<Small>(&hand), Err(FlatError::BadVtable { position: 16 }));
}

#[test]
fn everything_is_aligned_to_its_size() {
    let wide = Wide {
        byte: 1,
        long: 2,
        longs: vec![0x1111_1111_1111_1111; 3],
        doubles: Some(vec![f64::from_bits(0x2222_2222_2222_2222)]),
        shorts: vec![0x3333; 3],
        text: "abc".into(),
    };
    let mut out = vec![0xee; 3];
    encode(&wide, &mut out);
    let message = &out[3..];
    let at = |needle: &[u8]| message.windows(needle.len()).position(|window| window == needle).unwrap();
    assert_eq!(at(&[0x11; 24]) % 8, 0);
    assert_eq!(at(&[0x22; 8]) % 8, 0);
    assert_eq!(at(&[0x33; 6]) % 2, 0);
    assert_eq!(at(&2_u64.to_le_bytes()) % 8, 0);
    assert_eq!(at(b"\x03\0\0\0abc\0") % 4, 0);
    assert_eq!(decode(&message[4..]), Ok(wide));
}

#[test]
fn equal_tables_share_a_vtable() {
    let tree = |count| Tree { children: (0..count).map(|_| Tree { children: vec![] }).collect() };
    // An offset, a table with one offset, and the length of a vector each. The first one's vtable serves all: that of the root
    // is before what points to them.
    let [none, one, two, three] = [0, 1, 2, 3].map(|count| bytes(&tree(count)).len());
    assert_eq!((one - none, two - one, three - two), (4 + 8 + 4 + 8, 4 + 8 + 4, 4 + 8 + 4));
}

#[test]
fn what_is_required_and_missing_is_named() {
    let empty = bytes(&small(0, None, 7, Colour::Red));
    assert_eq!(decode::<Row>(&empty[4..]), Err(FlatError::Missing { table: "Test.Row", field: "cells" }));
    assert_eq!(
        decode::<Holder>(&empty[4..]),
        Err(FlatError::Missing { table: "Test.Holder", field: "either" })
    );
}

#[test]
fn numbers_that_are_no_member_are_errors() {
    let mut green = bytes(&small(0, None, 7, Colour::Green));
    // The only scalar, behind the prefix, the root's offset and the vtable's.
    assert_eq!(green[12], 5);
    green[12] = 6;
    assert_eq!(decode::<Small>(&green[4..]), Err(FlatError::UnknownEnum { name: "Test.Colour", number: 6 }));

    let holder = Holder { either: Either::Small(small(9, None, 7, Colour::Red)) };
    let mut good = bytes(&holder);
    assert_eq!(decode(&good[4..]), Ok(holder));
    // The type is the first byte after the vtable offset of the root.
    assert_eq!(good[12], 1);
    good[12] = 77;
    assert_eq!(
        decode::<Holder>(&good[4..]),
        Err(FlatError::UnknownUnion { name: "Test.Either", number: 77 })
    );
}

#[test]
fn text_must_be_utf_8() {
    let mut message =
        bytes(&Row { cells: vec![Cell { a: None, b: None, c: None, text: Some("\u{7f}".into()) }] });
    let at = message.iter().rposition(|byte| *byte == 0x7f).unwrap();
    message[at] = 0xff;
    assert!(matches!(decode::<Row>(&message[4..]), Err(FlatError::NotUtf8 { .. })));
}

#[test]
fn offsets_out_of_the_message_are_errors() {
    let good = bytes(&Row { cells: vec![Cell { a: Some(1), b: None, c: None, text: Some("x".into()) }] });
    for length in 0..good.len() - 4 {
        // Only the zero behind the text is nobody's loss.
        let is_whole = length == good.len() - 5;
        assert_eq!(decode::<Row>(&good[4..4 + length]).is_ok(), is_whole, "{length} bytes");
    }
    for at in (4..good.len() - 3).step_by(4) {
        for wild in [u32::MAX, i32::MAX as u32, good.len() as u32] {
            let mut bad = good[4..].to_vec();
            bad[at - 4..at].copy_from_slice(&wild.to_le_bytes());
            let _ = decode::<Row>(&bad);
        }
    }
    assert!(matches!(decode::<Row>(&[0xff; 4]), Err(FlatError::OutOfBounds { .. })));
}

#[test]
fn nesting_has_an_end() {
    let chain =
        |length| (0..length).fold(Chain { next: None }, |inner, _| Chain { next: Some(Box::new(inner)) });
    let deep = chain(31);
    assert_eq!(decode(&bytes(&deep)[4..]), Ok(deep));
    assert_eq!(decode::<Chain>(&bytes(&chain(32))[4..]), Err(FlatError::TooDeep { limit: 32 }));
    // Thousands, which would be a stack overflow.
    assert_eq!(decode::<Chain>(&bytes(&chain(3_000))[4..]), Err(FlatError::TooDeep { limit: 32 }));
}

/// A vector's entries may all name the same table, whose vector's entries may all name the same table…
#[test]
fn a_small_message_can_not_become_a_huge_value() {
    let mut bomb = Vec::from(4_u32.to_le_bytes());
    let levels = 24;
    for level in 0..levels {
        // A table with one slot: its vtable right behind it, then the vector of 16 entries.
        bomb.extend((-8_i32).to_le_bytes());
        bomb.extend(10_u32.to_le_bytes());
        bomb.extend([6, 0, 8, 0, 4, 0]);
        let entries = if level + 1 == levels { 0 } else { 16_u32 };
        bomb.extend(entries.to_le_bytes());
        for index in 0..entries {
            bomb.extend(((entries - index) * 4).to_le_bytes());
        }
    }
    let error = decode::<Tree>(&bomb).unwrap_err();
    assert!(matches!(error, FlatError::TooMuch { .. }), "{error}");
}

#[test]
fn a_vector_that_claims_more_than_there_is_reserves_nothing() {
    let mut message = bytes(&Row { cells: vec![] });
    let length = message.len();
    // Its length is the last thing in the message.
    message[length - 4..].copy_from_slice(&0x3fff_ffff_u32.to_le_bytes());
    assert!(matches!(decode::<Row>(&message[4..]), Err(FlatError::OutOfBounds { .. })));
}

#[test]
fn no_real_message_is_near_the_limit_of_memory() {
    // As small as a table is on the wire that has much room in memory.
    let encodings = |count| Row {
        cells: (0..count).map(|n| Cell { a: Some(n), b: None, c: None, text: None }).collect(),
    };
    for count in [0, 1, 100, 10_000, 200_000] {
        let row = encodings(count);
        assert_eq!(decode(&bytes(&row)[4..]), Ok(row));
    }
}

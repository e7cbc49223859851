//! Bytes that nobody honest would send.
use proptest::prelude::*;

use super::catalog;
use crate::schema::catalog::Seed;
use crate::schema::v3_27::{Refused, read};

proptest! {
    #[test]
    fn any_bytes_are_refused_or_read_by_every_table(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        for table in catalog().tables {
            let _ = (table.decode)(&bytes);
        }
        let _ = read(&bytes);
    }

    #[test]
    fn a_message_with_changed_bytes_is_refused_or_read(
        number in 0..240_u64,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        cut in any::<Option<prop::sample::Index>>(),
    ) {
        for table in catalog().tables.iter().filter(|table| {
            ["Message.Message", "Request.Request", "Response.Response"].contains(&table.name)
        }) {
            let (bytes, _) = (table.sample)(&mut Seed::new(number));
            let mut bytes = bytes[4..].to_vec();
            for (place, value) in &changes {
                let at = place.index(bytes.len());
                bytes[at] = *value;
            }
            if let Some(cut) = cut {
                bytes.truncate(cut.index(bytes.len()));
            }
            let _ = (table.decode)(&bytes);
            let _ = read(&bytes);
        }
    }

    #[test]
    fn a_message_with_changed_offsets_is_refused_or_read(
        number in 0..240_u64,
        place in any::<prop::sample::Index>(),
        offset in prop_oneof![any::<u32>(), 0..400_u32, (u32::MAX - 400)..=u32::MAX],
    ) {
        let table = catalog().tables.into_iter().find(|table| table.name == "Message.Message").unwrap();
        let (bytes, _) = (table.sample)(&mut Seed::new(number));
        let mut bytes = bytes[4..].to_vec();
        let at = place.index(bytes.len() / 4) * 4;
        bytes[at..at + 4].copy_from_slice(&offset.to_le_bytes());
        let _ = read(&bytes);
    }
}

/// Cut anywhere, a request has no id, or is answered.
#[test]
fn a_message_that_is_cut_short_is_refused() {
    let table = catalog().tables.into_iter().find(|table| table.name == "Message.Message").unwrap();
    for number in 0..24 {
        let (bytes, _) = (table.sample)(&mut Seed::new(number));
        for length in 0..bytes.len() - 4 {
            match read(&bytes[4..4 + length]) {
                Ok(_) | Err(Refused::Broken(_)) => {}
                Err(refused) => {
                    assert_eq!(refused.request().is_some(), bytes_are_a_request(&bytes), "{refused:?}")
                }
            }
        }
    }
}

fn bytes_are_a_request(bytes: &[u8]) -> bool {
    crate::flat::with_root(&bytes[4..], |message| message.value::<u8>(0)) == Ok(Some(1))
}

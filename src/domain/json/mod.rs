//! JSON as it was sent: members as the raw text of their values, so that nothing is lost to a number
//! type, and so that depth costs no stack.

mod canonical;

use std::{borrow::Cow, fmt, mem};

use serde::{
    Deserialize, Deserializer,
    de::{Error, MapAccess, Visitor},
};
use serde_json::value::RawValue;

pub use self::canonical::{MAX_CANONICAL_DEPTH, canonical, canonical_within};

/// As many members as the objects have that come with deliveries.
const MEMBERS: usize = 16;

type Member<'a> = (Cow<'a, str>, &'a RawValue);

/// The members of an object by name; of a name that stands twice the last counts.
#[derive(Debug, Default)]
pub struct Object<'a>(Vec<Member<'a>>);

impl<'a> Object<'a> {
    /// Reads bytes that are a JSON object, with or without a byte order mark; `None` if they are not.
    ///
    /// Only the outermost level is taken apart: one pass, whatever the depth.
    pub fn parse(bytes: &'a [u8]) -> Option<Self> {
        serde_json::from_slice(without_mark(bytes)).ok()
    }

    /// The members of a value that is an object; `None` if it is none.
    pub fn of(value: &'a RawValue) -> Option<Self> {
        serde_json::from_str(value.get()).ok()
    }

    /// The member of this name.
    pub fn find(&self, name: &str) -> Option<&'a RawValue> {
        let found = self.0.binary_search_by(|(other, _)| (**other).cmp(name));
        let (_, value) = self.0.get(found.ok()?)?;
        Some(value)
    }

    /// True if there are no members.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All members, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &'a RawValue)> {
        self.0.iter().map(|(name, value)| (&**name, *value))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Object<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Vec<Member<'de>>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::with_capacity(MEMBERS);
                while let Some((LossyText(name), value)) = map.next_entry()? {
                    members.push((name, value));
                }
                put_in_order(&mut members);
                Ok(members)
            }
        }
        deserializer.deserialize_map(Members).map(Self)
    }
}

/// The members of these names, of bytes that are a JSON object, as [`Object::parse`] finds them; `None` if they are none.
///
/// Others are passed over, so that it costs one pass and no memory, however many they are.
pub fn find_members<'a, const N: usize>(
    bytes: &'a [u8],
    names: &[&str; N],
) -> Option<[Option<&'a RawValue>; N]> {
    struct Wanted<'n, const N: usize>(&'n [&'n str; N]);
    impl<'de, const N: usize> Visitor<'de> for Wanted<'_, N> {
        type Value = [Option<&'de RawValue>; N];

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut found = [None; N];
            // All values are read, because bytes that are no text make all of it no object.
            while let Some((LossyText(name), value)) = map.next_entry::<_, &RawValue>()? {
                let wanted = self
                    .0
                    .iter()
                    .zip(&mut found)
                    .find(|(wanted, _)| **wanted == name);
                if let Some((_, found)) = wanted {
                    *found = Some(value);
                }
            }
            Ok(found)
        }
    }
    let mut reader = serde_json::Deserializer::from_slice(without_mark(bytes));
    let found = reader.deserialize_map(Wanted(names)).ok()?;
    reader.end().ok()?;
    Some(found)
}

fn without_mark(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes)
}

/// By name, each once.
fn put_in_order(members: &mut Vec<Member<'_>>) {
    if members.is_sorted_by(|(a, _), (b, _)| a < b) {
        return;
    }
    // Of equal names the later one stays behind the earlier.
    members.sort_by(|(a, _), (b, _)| a.cmp(b));
    members.dedup_by(|later, kept| {
        let same = later.0 == kept.0;
        if same {
            mem::swap(later, kept);
        }
        same
    });
}

/// A JSON string in which a lone surrogate, which no Rust string can hold, reads as U+FFFD; borrowed where it has no
/// escapes.
struct LossyText<'a>(Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for LossyText<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl<'de> Visitor<'de> for Text {
            type Value = Cow<'de, str>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            // serde_json hands out strings with lone surrogates when asked for bytes.
            fn visit_borrowed_bytes<E: Error>(self, bytes: &'de [u8]) -> Result<Self::Value, E> {
                Ok(String::from_utf8_lossy(bytes))
            }

            fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Self::Value, E> {
                Ok(Cow::Owned(String::from_utf8_lossy(bytes).into_owned()))
            }
        }
        deserializer.deserialize_bytes(Text).map(Self)
    }
}

/// The text of a value that is a string (lone surrogates as U+FFFD); `None` if it is none.
pub fn text(value: &RawValue) -> Option<String> {
    serde_json::from_str(value.get())
        .ok()
        .map(|LossyText(text)| text.into_owned())
}

/// The texts in a value that is an array; other elements are passed over. `None` if it is no array.
pub fn texts(value: &RawValue) -> Option<Vec<String>> {
    let elements: Vec<&RawValue> = serde_json::from_str(value.get()).ok()?;
    Some(elements.into_iter().filter_map(text).collect())
}

/// The integer of a value that is one within `i64`, or is its decimal text.
pub fn integer(value: &RawValue) -> Option<i64> {
    match value.get().parse() {
        Ok(integer) => Some(integer),
        Err(_) => text(value)?.trim().parse().ok(),
    }
}

/// The members of an object by which [`canonical()`] tells it from others; `None` if it is no object, or one
/// whose names cannot be told apart: those with different lone surrogates read alike, so only their
/// spelling counts.
pub fn comparable_members(value: &RawValue) -> Option<Object<'_>> {
    Object::of(value)
        .filter(|object| !is_unreadable(value.get(), object.iter().map(|(name, _)| name)))
}

/// Whether of an object with this text and these names one may hold a lone surrogate: it reads as U+FFFD, and the text
/// escapes a surrogate.
fn is_unreadable<'a>(raw: &str, mut names: impl Iterator<Item = &'a str>) -> bool {
    names.any(|name| name.contains('\u{FFFD}')) && (raw.contains("\\ud") || raw.contains("\\uD"))
}

#[cfg(test)]
mod tests {
    use serde_json::value::RawValue;

    use super::{Object, canonical};

    fn canonical_of(json: &str) -> String {
        canonical(serde_json::from_str::<&RawValue>(json).unwrap())
    }

    #[test]
    fn of_a_repeated_name_the_last_counts() {
        let object = Object::parse(br#"{"a":1,"b":2,"a":3}"#).unwrap();
        assert_eq!(object.find("a").unwrap().get(), "3");
    }

    #[test]
    fn depth_costs_no_stack() {
        let deep = format!(
            r#"{{"a":{}{},"b":1}}"#,
            "[".repeat(1 << 20),
            "]".repeat(1 << 20)
        );
        let object = Object::parse(deep.as_bytes()).unwrap();
        assert_eq!(object.find("b").unwrap().get(), "1");
        assert!(canonical(object.find("a").unwrap()).len() > 1 << 20);
    }

    #[test]
    fn lone_surrogates_and_nul_do_not_hide_the_rest() {
        let object = Object::parse(br#"{"\ud800":1,"x":"\ud800\u0000","Event":"e"}"#).unwrap();
        assert_eq!(super::text(object.find("Event").unwrap()).unwrap(), "e");
        assert!(
            super::text(object.find("x").unwrap())
                .unwrap()
                .ends_with('\0')
        );
    }

    #[test]
    fn names_that_read_alike_are_not_equal() {
        let one = canonical_of(r#"{"\ud800":1,"\ud801":2}"#);
        assert_ne!(one, canonical_of(r#"{"\ud800":9,"\ud801":2}"#));
        // U+FFFD itself can be read, so white space does not count there.
        assert_eq!(
            canonical_of("{\"\u{FFFD}\":1}"),
            canonical_of("{ \"\u{FFFD}\": 1 }")
        );
    }

    #[test]
    fn equal_as_json_is_the_same_text() {
        let same = canonical_of(r#"{"a":[1, 2],"b":{"c":"\u00e6"}}"#);
        assert_eq!(same, canonical_of("{\"b\":{\"c\":\"æ\"},\r\n \"a\":[1,2]}"));
        assert_eq!(same, canonical_of(r#"{"a":9,"a":[1,2],"b":{"c":"æ"}}"#));
        for other in [
            r#"{"a":[2,1],"b":{"c":"æ"}}"#,
            r#"{"a":[1.0,2],"b":{"c":"æ"}}"#,
            r#"{"a":[1,2],"b":{"c":"ae"}}"#,
            r#"{"a":[1,2]}"#,
        ] {
            assert_ne!(same, canonical_of(other), "{other}");
        }
    }
}

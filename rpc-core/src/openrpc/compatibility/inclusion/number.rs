//! [`Exact`]: numbers of any JSON form, compared without loss, and equality of JSON values.

use std::cmp::Ordering;

use serde_json::{Number, Value};

/// A number of a schema or a value.
#[derive(Clone, Copy, Debug)]
pub(super) enum Exact {
    /// An integer, however it is written.
    Integer(i128),
    /// A fraction, or a number outside of the range of `i128`.
    Float(f64),
}

impl Exact {
    pub(super) const ZERO: Self = Self::Integer(0);

    pub(super) fn of(number: &Number) -> Self {
        match (number.as_i64(), number.as_u64()) {
            (Some(integer), _) => Self::Integer(integer.into()),
            (_, Some(integer)) => Self::Integer(integer.into()),
            _ => Self::of_float(number.as_f64().unwrap_or(f64::NAN)),
        }
    }

    fn of_float(float: f64) -> Self {
        // 2^126 is a float without loss. Integers up to there are exact as `i128`.
        const LIMIT: f64 = (1_u128 << 126) as f64;
        #[allow(clippy::cast_possible_truncation, reason = "the float is an integer in the range of i128")]
        if float.fract() == 0.0 && float.abs() < LIMIT { Self::Integer(float as i128) } else { Self::Float(float) }
    }

    /// Reads a keyword whose value is a number.
    pub(super) fn read(value: &Value) -> Option<Self> {
        value.as_number().map(Self::of)
    }

    pub(super) fn is_integer(self) -> bool {
        match self {
            Self::Integer(_) => true,
            Self::Float(float) => float.fract() == 0.0,
        }
    }

    /// Returns whether the number is a multiple of another one, if that can be told without rounding.
    pub(super) fn is_multiple_of(self, step: Self) -> Option<bool> {
        match (self, step) {
            (Self::Integer(number), Self::Integer(step)) if step != 0 => Some(number % step == 0),
            (number, step) if number == step => Some(true),
            _ => None,
        }
    }

    /// Returns the next integer above.
    pub(super) fn above(self) -> Self {
        match self {
            Self::Integer(integer) => Self::Integer(integer.saturating_add(1)),
            Self::Float(float) => Self::of_float(float.ceil()),
        }
    }

    /// Returns the next integer below.
    pub(super) fn below(self) -> Self {
        match self {
            Self::Integer(integer) => Self::Integer(integer.saturating_sub(1)),
            Self::Float(float) => Self::of_float(float.floor()),
        }
    }
}

impl PartialEq for Exact {
    fn eq(&self, other: &Self) -> bool {
        self.partial_cmp(other) == Some(Ordering::Equal)
    }
}

impl PartialOrd for Exact {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Integer(one), Self::Integer(other)) => Some(one.cmp(other)),
            (Self::Float(one), Self::Float(other)) => one.partial_cmp(other),
            // A float is a fraction here, or out of range. So it equals no integer, and rounding keeps the order.
            (Self::Integer(one), Self::Float(other)) => (*one as f64).partial_cmp(other),
            (Self::Float(one), Self::Integer(other)) => one.partial_cmp(&(*other as f64)),
        }
    }
}

/// Returns the range of a format of integers, such as `uint32`.
pub(super) fn range_of_format(format: &str) -> Option<(Exact, Exact)> {
    let (is_signed, bits) = match format.strip_prefix("uint") {
        Some(bits) => (false, bits),
        None => (true, format.strip_prefix("int")?),
    };
    let integers = |least: i128, most: i128| (Exact::Integer(least), Exact::Integer(most));
    Some(match (bits, is_signed) {
        ("8", true) => integers(i8::MIN.into(), i8::MAX.into()),
        ("8", false) => integers(0, u8::MAX.into()),
        ("16", true) => integers(i16::MIN.into(), i16::MAX.into()),
        ("16", false) => integers(0, u16::MAX.into()),
        ("32", true) => integers(i32::MIN.into(), i32::MAX.into()),
        ("32", false) => integers(0, u32::MAX.into()),
        // schemars writes the types of the size of a pointer without bits.
        ("64" | "", true) => integers(i64::MIN.into(), i64::MAX.into()),
        ("64" | "", false) => integers(0, u64::MAX.into()),
        ("128", true) => integers(i128::MIN, i128::MAX),
        ("128", false) => (Exact::ZERO, Exact::Float(u128::MAX as f64)),
        _ => return None,
    })
}

/// The range in which the format `float` has each integer.
pub(super) const INTEGERS_OF_FLOAT: (Exact, Exact) = (Exact::Integer(-(1 << 24)), Exact::Integer(1 << 24));

/// Returns whether a number has the format `float` without loss.
pub(super) fn is_exact_float(number: &Number) -> bool {
    #[allow(clippy::cast_possible_truncation, reason = "the loss is what is asked for")]
    let is_exact = |number: f64| Exact::of_float(f64::from(number as f32)) == Exact::of_float(number);
    match Exact::of(number) {
        Exact::Integer(integer) => Exact::of_float(f64::from(integer as f32)) == Exact::Integer(integer),
        Exact::Float(float) => is_exact(float),
    }
}

/// Writes a value so that two texts are the same if and only if the values are equal.
pub(super) fn canonical(value: &Value) -> String {
    let mut text = String::new();
    write_canonical(value, &mut text);
    text
}

fn write_canonical(value: &Value, text: &mut String) {
    match value {
        Value::Number(number) => match Exact::of(number) {
            Exact::Integer(integer) => text.push_str(&integer.to_string()),
            Exact::Float(float) => text.push_str(&format!("f{:x}", float.to_bits())),
        },
        Value::Array(items) => {
            text.push('[');
            for item in items {
                write_canonical(item, text);
                text.push(',');
            }
            text.push(']');
        }
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            members.sort_by_key(|(name, _)| *name);
            text.push('{');
            for (name, member) in members {
                text.push_str(&format!("{name:?}:"));
                write_canonical(member, text);
                text.push(',');
            }
            text.push('}');
        }
        Value::Null | Value::Bool(_) | Value::String(_) => text.push_str(&value.to_string()),
    }
}

/// Returns whether two values are equal as JSON Schema defines it: `1` equals `1.0`.
pub(super) fn are_equal(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => Exact::of(one) == Exact::of(other),
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| are_equal(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            one.len() == other.len()
                && one.iter().all(|(key, one)| other.get(key).is_some_and(|other| are_equal(one, other)))
        }
        _ => one == other,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Exact, are_equal, canonical, range_of_format};

    fn exact(value: &serde_json::Value) -> Exact {
        Exact::read(value).unwrap()
    }

    #[test]
    fn numbers_are_compared_without_loss() {
        assert!(exact(&json!(u64::MAX)) > exact(&json!(u64::MAX - 1)));
        assert!(exact(&json!(i64::MIN)) < exact(&json!(-1.5)));
        assert!(exact(&json!(1.0)) == exact(&json!(1)));
        assert!(exact(&json!(1e300)) > exact(&json!(u64::MAX)));
        assert!(range_of_format("uint128").unwrap().1 > range_of_format("int128").unwrap().1);
        assert!(range_of_format("uint").unwrap().1 == range_of_format("uint64").unwrap().1);
        assert!(range_of_format("integer").is_none());
    }

    #[test]
    fn values_are_equal_whatever_the_form_of_their_numbers() {
        let equal = |one, other| {
            let are_equal = are_equal(&one, &other);
            assert_eq!(canonical(&one) == canonical(&other), are_equal, "{one} and {other}");
            are_equal
        };
        assert!(equal(json!({ "a": [1, 2.0] }), json!({ "a": [1.0, 2] })));
        assert!(equal(json!(-0.0), json!(0)));
        assert!(!equal(json!([1]), json!([1, 1])));
        assert!(!equal(json!({ "a": 1 }), json!({ "b": 1 })));
        assert!(!equal(json!("1"), json!(1)));
        assert!(!equal(json!(0.5), json!(0.25)));
    }

    #[test]
    fn multiples_are_told_only_if_they_are_exact() {
        assert_eq!(exact(&json!(6)).is_multiple_of(exact(&json!(3))), Some(true));
        assert_eq!(exact(&json!(7)).is_multiple_of(exact(&json!(3))), Some(false));
        assert_eq!(exact(&json!(0.3)).is_multiple_of(exact(&json!(0.1))), None);
        assert_eq!(exact(&json!(1)).is_multiple_of(exact(&json!(0))), None);
    }
}

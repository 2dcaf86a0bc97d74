//! Adds the last parameter to params that are written already: the cursor after which a stream begins.

use serde_json::value::RawValue;

use crate::MethodSpec;
use crate::codec::write_string;

/// Where a parameter stands in the params of a method.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ParamPlace {
    /// A member of the object, under this name.
    Named(String),
    /// An element of the array, behind this many others.
    Position(usize),
}

impl ParamPlace {
    /// Returns the place of the last parameter of a method, or `None` if the method has no list of parameters.
    pub fn of_last(method: &MethodSpec) -> Option<Self> {
        let last = method.params.last()?;
        let others = method.params.len() - 1;
        Some(if method.positional { Self::Position(others) } else { Self::Named(last.name.to_owned()) })
    }

    /// Returns the params with this value added. `params` and `value` are JSON text, and `params` is an array, an
    /// object or absent. Elements of the array that were left out before the value become null.
    ///
    /// If absent params or an object have a named place, the result is an object. An array always gets an element.
    pub fn add(&self, params: Option<&str>, value: &str) -> String {
        match (self, params) {
            (Self::Named(name), None) => object("", name, value),
            (Self::Named(name), Some(params)) if params.starts_with('{') => object(inner(params), name, value),
            (Self::Named(_), Some(params)) => array(inner(params), 0, value),
            (Self::Position(others), params) => {
                let present = params.map_or(0, elements);
                array(params.map_or("", inner), others.saturating_sub(present), value)
            }
        }
    }
}

/// Returns the text between the brackets.
fn inner(params: &str) -> &str {
    params[1..params.len() - 1].trim()
}

fn elements(array: &str) -> usize {
    serde_json::from_str::<Vec<&RawValue>>(array).map_or(0, |elements| elements.len())
}

fn object(members: &str, name: &str, value: &str) -> String {
    let mut text = Vec::new();
    write_string(name, &mut text);
    let name = String::from_utf8(text).expect("JSON text of a string is UTF-8");
    let comma = if members.is_empty() { "" } else { "," };
    format!("{{{members}{comma}{name}:{value}}}")
}

fn array(elements: &str, missing: usize, value: &str) -> String {
    let elements = (!elements.is_empty()).then_some(elements);
    let all = elements.into_iter().chain(std::iter::repeat_n("null", missing)).chain([value]);
    format!("[{}]", all.collect::<Vec<_>>().join(","))
}

#[cfg(test)]
mod tests {
    use super::ParamPlace;
    use crate::{MethodSpec, ParamSpec};

    #[test]
    fn place_is_that_of_the_last_parameter() {
        static PARAMS: &[ParamSpec] = &[ParamSpec::new("symbol"), ParamSpec::new("after").optional()];
        let method = MethodSpec::new("ticks").params(PARAMS);
        assert_eq!(ParamPlace::of_last(&method), Some(ParamPlace::Named("after".to_owned())));
        assert_eq!(ParamPlace::of_last(&method.positional()), Some(ParamPlace::Position(1)));
        assert_eq!(ParamPlace::of_last(&MethodSpec::new("ticks")), None);
    }

    #[test]
    fn named_value_is_the_last_member() {
        let after = ParamPlace::Named("after".to_owned());
        assert_eq!(after.add(None, "41"), r#"{"after":41}"#);
        assert_eq!(after.add(Some("{}"), "41"), r#"{"after":41}"#);
        assert_eq!(after.add(Some(r#"{"symbol":"a"}"#), "41"), r#"{"symbol":"a","after":41}"#);
        assert_eq!(after.add(Some(r#"["a"]"#), "41"), r#"["a",41]"#);
        assert_eq!(after.add(Some("[]"), "41"), "[41]");
    }

    #[test]
    fn values_that_were_left_out_of_an_array_become_null() {
        let third = ParamPlace::Position(2);
        assert_eq!(third.add(None, "41"), "[null,null,41]");
        assert_eq!(third.add(Some("[]"), "41"), "[null,null,41]");
        assert_eq!(third.add(Some(r#"["a,b"]"#), "41"), r#"["a,b",null,41]"#);
        assert_eq!(third.add(Some("[1, [2, 3]]"), "41"), "[1, [2, 3],41]");
    }
}

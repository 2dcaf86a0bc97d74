//! Evaluates a value under a schema. Patterns, formats and rare keywords leave the result open.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value};

use super::keywords::constraints;
use super::number::{Exact, are_equal, canonical, is_exact_float, range_of_format};
use super::resolver::{Resolver, Target};
use super::types::TypeSet;

/// Whether a value is valid under a schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Validity {
    Valid,
    Invalid,
    Unknown,
}

use Validity::{Invalid, Unknown, Valid};

impl Validity {
    fn of(is_valid: bool) -> Self {
        if is_valid { Valid } else { Invalid }
    }

    fn all(parts: impl IntoIterator<Item = Self>) -> Self {
        let mut all = Valid;
        for part in parts {
            match part {
                Invalid => return Invalid,
                Unknown => all = Unknown,
                Valid => {}
            }
        }
        all
    }

    fn any(parts: impl IntoIterator<Item = Self>) -> Self {
        Self::all(parts.into_iter().map(Self::not)).not()
    }

    fn exactly_one(parts: impl IntoIterator<Item = Self>) -> Self {
        let (mut valid, mut unknown) = (0, 0);
        for part in parts {
            valid += usize::from(part == Valid);
            unknown += usize::from(part == Unknown);
        }
        match (valid, unknown) {
            (1, 0) => Valid,
            (0, 0) | (2.., _) => Invalid,
            _ => Unknown,
        }
    }

    fn not(self) -> Self {
        match self {
            Valid => Invalid,
            Invalid => Valid,
            Unknown => Unknown,
        }
    }
}

/// The maximum depth of schemas. Below it, the result is open.
const MAX_DEPTH: usize = 64;

/// Evaluates a value under a schema.
pub(super) fn evaluate(resolver: Resolver<'_>, schema: &Value, value: &Value) -> Validity {
    Evaluation { resolver, depth: MAX_DEPTH, referred: &RefCell::default() }.schema(schema, value)
}

/// Identifies a schema and a value by their addresses.
type Pair = (usize, usize);

#[derive(Clone, Copy)]
struct Evaluation<'a, 'e> {
    resolver: Resolver<'a>,
    depth: usize,
    /// The results of the schemas behind references. Those under way are unknown.
    referred: &'e RefCell<HashMap<Pair, Validity>>,
}

impl<'a> Evaluation<'a, '_> {
    fn schema(self, schema: &'a Value, value: &Value) -> Validity {
        let Some(depth) = self.depth.checked_sub(1).filter(|_| self.resolver.take(1)) else { return Unknown };
        let inner = Self { depth, ..self };
        match schema {
            Value::Bool(is_valid) => Validity::of(*is_valid),
            Value::Object(keywords) => match self.resolver.target(keywords) {
                None => inner.keywords(keywords, value),
                Some(Target::Unknown(_)) => Unknown,
                Some(Target::Found(target)) => match (inner.target(target, value), constraints(keywords).next()) {
                    (validity, None) => validity,
                    // Draft 7 ignores the other keywords, and later drafts do not.
                    (Valid, Some(_)) => inner.keywords(keywords, value).not_invalid(),
                    (validity, Some(_)) => validity,
                },
            },
            _ => Unknown,
        }
    }

    /// Evaluates the target of a reference, once for each value: types may refer to each other many times.
    fn target(self, target: &'a Value, value: &Value) -> Validity {
        let pair = (std::ptr::from_ref(target).addr(), std::ptr::from_ref(value).addr());
        if let Some(known) = self.referred.borrow().get(&pair) {
            return *known;
        }
        self.referred.borrow_mut().insert(pair, Unknown);
        let validity = self.schema(target, value);
        self.referred.borrow_mut().insert(pair, validity);
        validity
    }

    fn keywords(self, schema: &'a Map<String, Value>, value: &Value) -> Validity {
        let of_rest = match value {
            Value::Object(members) => self.members(schema, members),
            Value::Array(items) => self.items(schema, items),
            _ => Valid,
        };
        let each = constraints(schema).map(|(keyword, _, said)| self.keyword(keyword, said, value));
        Validity::all(each.chain([of_rest]))
    }

    fn keyword(self, keyword: &str, said: &'a Value, value: &Value) -> Validity {
        let length = |value: &Value| match (keyword, value) {
            ("minLength" | "maxLength", Value::String(text)) => Some(text.chars().count()),
            ("minItems" | "maxItems", Value::Array(items)) => Some(items.len()),
            ("minProperties" | "maxProperties", Value::Object(members)) => Some(members.len()),
            _ => None,
        };
        let list = || said.as_array().into_iter().flatten();
        match keyword {
            "type" => TypeSet::parse(said).map_or(Unknown, |types| Validity::of(TypeSet::of(value).is_within(types))),
            "const" => Validity::of(are_equal(said, value)),
            "enum" if let Value::Array(listed) = said => Validity::of(self.resolver.is_listed(listed, value)),
            "allOf" => Validity::all(list().map(|schema| self.schema(schema, value))),
            "anyOf" => Validity::any(list().map(|schema| self.schema(schema, value))),
            "oneOf" => Validity::exactly_one(list().map(|schema| self.schema(schema, value))),
            "not" => self.schema(said, value).not(),
            "minimum" | "maximum" | "exclusiveMinimum" | "exclusiveMaximum" | "multipleOf" => {
                value.as_number().map_or(Valid, |number| number_keyword(keyword, said, Exact::of(number)))
            }
            "minLength" | "maxLength" | "minItems" | "maxItems" | "minProperties" | "maxProperties" => {
                let Some(length) = length(value).and_then(|length| i128::try_from(length).ok()) else { return Valid };
                let Some(limit) = Exact::read(said) else { return Unknown };
                let length = Exact::Integer(length);
                Validity::of(if keyword.starts_with("min") { length >= limit } else { length <= limit })
            }
            "pattern" if !value.is_string() => Valid,
            "format" => format(said, value),
            // `members` and `items` evaluate these.
            "required"
            | "properties"
            | "additionalProperties"
            | "patternProperties"
            | "items"
            | "additionalItems"
            | "uniqueItems" => Valid,
            "propertyNames" | "dependencies" | "dependentSchemas" | "dependentRequired" | "unevaluatedProperties"
                if !value.is_object() =>
            {
                Valid
            }
            "contains" | "minContains" | "maxContains" | "prefixItems" | "unevaluatedItems" if !value.is_array() => {
                Valid
            }
            _ => Unknown,
        }
    }

    fn members(self, schema: &'a Map<String, Value>, members: &Map<String, Value>) -> Validity {
        let mut parts = Vec::new();
        let required = schema.get("required").and_then(Value::as_array).into_iter().flatten();
        parts.extend(required.filter_map(Value::as_str).map(|name| Validity::of(members.contains_key(name))));
        let properties = schema.get("properties").and_then(Value::as_object);
        let additional = schema.get("additionalProperties");
        let has_patterns = schema.contains_key("patternProperties");
        for (name, value) in members {
            let described = properties.and_then(|properties| properties.get(name));
            parts.extend(described.map(|described| self.schema(described, value)));
            if has_patterns {
                parts.push(Unknown);
            } else if let (None, Some(additional)) = (described, additional) {
                parts.push(self.schema(additional, value));
            }
        }
        Validity::all(parts)
    }

    fn items(self, schema: &'a Map<String, Value>, items: &[Value]) -> Validity {
        let of_item = |index: usize| match schema.get("items") {
            Some(Value::Array(list)) => list.get(index).or_else(|| schema.get("additionalItems")),
            items => items,
        };
        let each = items
            .iter()
            .enumerate()
            .map(|(index, item)| of_item(index).map_or(Valid, |schema| self.schema(schema, item)));
        let are_unique = || {
            let mut known = HashSet::new();
            items.iter().all(|item| known.insert(canonical(item)))
        };
        let is_unique_asked = schema.get("uniqueItems") == Some(&Value::Bool(true));
        Validity::all(each.chain([Validity::of(!is_unique_asked || are_unique())]))
    }
}

impl Validity {
    fn not_invalid(self) -> Self {
        if self == Invalid { Unknown } else { self }
    }
}

fn number_keyword(keyword: &str, said: &Value, number: Exact) -> Validity {
    let Some(limit) = Exact::read(said) else { return Unknown };
    match keyword {
        "minimum" => Validity::of(number >= limit),
        "maximum" => Validity::of(number <= limit),
        "exclusiveMinimum" => Validity::of(number > limit),
        "exclusiveMaximum" => Validity::of(number < limit),
        _ => number.is_multiple_of(limit).map_or(Unknown, Validity::of),
    }
}

fn format(said: &Value, value: &Value) -> Validity {
    match (said.as_str(), value) {
        (Some(name), Value::Number(number)) => match range_of_format(name) {
            Some((least, most)) => {
                let number = Exact::of(number);
                Validity::of(number.is_integer() && least <= number && number <= most)
            }
            None if name == "double" || (name == "float" && is_exact_float(number)) => Valid,
            None => Unknown,
        },
        (_, Value::String(_)) => Unknown,
        _ => Valid,
    }
}

//! Limits of numbers and sizes: what a conjunction proves, and which limits of another schema that leaves open.

use serde_json::{Map, Value};

use super::conjunction::Conjunction;
use super::number::{Exact, INTEGERS_OF_FLOAT, range_of_format};
use super::types::TypeSet;
use super::violation::{Place, Violation, ViolationKind};

/// A limit of numbers.
#[derive(Clone, Copy, Debug)]
struct NumberLimit {
    at: Exact,
    /// Whether the limit itself is outside.
    is_exclusive: bool,
}

/// Returns the highest lower limit of numbers.
fn lower(a: &Conjunction<'_>) -> Option<NumberLimit> {
    let limits = limits(a, "minimum", "exclusiveMinimum", |(least, _)| least);
    let stricter = |one: NumberLimit, other: NumberLimit| {
        if other.at > one.at || (other.at == one.at && other.is_exclusive) { other } else { one }
    };
    limits.reduce(stricter).map(|limit| match limit.at {
        at if !are_integers(a) => NumberLimit { at, ..limit },
        at if limit.is_exclusive || !at.is_integer() => NumberLimit { at: at.above(), is_exclusive: false },
        _ => limit,
    })
}

/// Returns the lowest upper limit of numbers.
fn upper(a: &Conjunction<'_>) -> Option<NumberLimit> {
    let limits = limits(a, "maximum", "exclusiveMaximum", |(_, most)| most);
    let stricter = |one: NumberLimit, other: NumberLimit| {
        if other.at < one.at || (other.at == one.at && other.is_exclusive) { other } else { one }
    };
    limits.reduce(stricter).map(|limit| match limit.at {
        at if !are_integers(a) => NumberLimit { at, ..limit },
        at if limit.is_exclusive || !at.is_integer() => NumberLimit { at: at.below(), is_exclusive: false },
        _ => limit,
    })
}

fn are_integers(a: &Conjunction<'_>) -> bool {
    !a.types().meets(TypeSet::FRACTION)
}

fn limits<'a>(
    a: &Conjunction<'a>,
    inclusive: &'static str,
    exclusive: &'static str,
    of_range: impl Fn((Exact, Exact)) -> Exact,
) -> impl Iterator<Item = NumberLimit> {
    let limit = |is_exclusive| move |at| NumberLimit { at, is_exclusive };
    let of_format = |format: &'a Value| format.as_str().and_then(range_of_format).map(&of_range);
    let inclusive: Vec<_> = a.all(inclusive).filter_map(Exact::read).map(limit(false)).collect();
    let exclusive: Vec<_> = a.all(exclusive).filter_map(Exact::read).map(limit(true)).collect();
    let formats: Vec<_> = a.all("format").filter_map(of_format).map(limit(false)).collect();
    inclusive.into_iter().chain(exclusive).chain(formats)
}

/// Returns the highest value of a keyword such as `minItems`.
fn most(a: &Conjunction<'_>, keyword: &str) -> Option<Exact> {
    a.all(keyword).filter_map(Exact::read).reduce(|one, other| if other > one { other } else { one })
}

/// Returns the lowest value of a keyword such as `maxItems`.
fn least(a: &Conjunction<'_>, keyword: &str) -> Option<Exact> {
    a.all(keyword).filter_map(Exact::read).reduce(|one, other| if other < one { other } else { one })
}

fn count(number: usize) -> Exact {
    Exact::Integer(i128::try_from(number).unwrap_or(i128::MAX))
}

/// Returns the least size of the values of a type: characters, items or properties.
fn least_size(a: &Conjunction<'_>, ty: TypeSet) -> Exact {
    let said = most(a, size_keywords(ty).0).unwrap_or(Exact::ZERO);
    let required = if ty == TypeSet::OBJECT { count(a.required().len()) } else { Exact::ZERO };
    if required > said { required } else { said }
}

/// Returns the greatest size of the values of a type, if it is limited.
fn greatest_size(a: &Conjunction<'_>, ty: TypeSet) -> Option<Exact> {
    let said = least(a, size_keywords(ty).1);
    let described = (ty == TypeSet::OBJECT && a.unnamed_property().is_never()).then(|| count(a.names().len()));
    match (said, described) {
        (Some(said), Some(described)) => Some(if described < said { described } else { said }),
        (said, described) => said.or(described),
    }
}

fn size_keywords(ty: TypeSet) -> (&'static str, &'static str) {
    match ty {
        TypeSet::STRING => ("minLength", "maxLength"),
        TypeSet::ARRAY => ("minItems", "maxItems"),
        _ => ("minProperties", "maxProperties"),
    }
}

/// Returns whether an array may have an item at an index.
pub(super) fn may_have_item(a: &Conjunction<'_>, index: usize) -> bool {
    greatest_size(a, TypeSet::ARRAY).is_none_or(|size| size > count(index))
}

/// Returns whether two conjunctions limit the values of one type so that none is valid under both.
pub(super) fn are_apart(a: &Conjunction<'_>, b: &Conjunction<'_>, ty: TypeSet) -> bool {
    if ty.is_within(TypeSet::NUMBER) {
        let is_above = |low: Option<NumberLimit>, high: Option<NumberLimit>| match (low, high) {
            (Some(low), Some(high)) => {
                low.at > high.at || (low.at == high.at && (low.is_exclusive || high.is_exclusive))
            }
            _ => false,
        };
        return is_above(lower(a), upper(b)) || is_above(lower(b), upper(a));
    }
    let is_greater = |one: &Conjunction<'_>, other: &Conjunction<'_>| {
        greatest_size(other, ty).is_some_and(|greatest| least_size(one, ty) > greatest)
    };
    ty.is_within(TypeSet::STRING | TypeSet::ARRAY | TypeSet::OBJECT) && (is_greater(a, b) || is_greater(b, a))
}

/// Checks the limits and formats of a schema: whether the conjunction proves them.
pub(super) fn check(a: &Conjunction<'_>, b: &Map<String, Value>, place: &Place) -> Vec<Violation> {
    let mut found = Vec::new();
    if a.types().meets(TypeSet::NUMBER) {
        numbers(a, b, place, &mut found);
    }
    for ty in [TypeSet::STRING, TypeSet::ARRAY, TypeSet::OBJECT] {
        if a.types().meets(ty) {
            sizes(a, b, ty, &mut |keyword, limit| found.push(limit_or_unknown(place, keyword, limit)));
        }
    }
    if a.types().meets(TypeSet::ARRAY) && b.get("uniqueItems") == Some(&Value::Bool(true)) {
        let are_unique = a.all("uniqueItems").any(|unique| *unique == Value::Bool(true));
        if !are_unique && may_have_item(a, 1) {
            found.push(place.violated(ViolationKind::Limit("uniqueItems", true.into())));
        }
    }
    formats(a, b, place, &mut found);
    found
}

fn limit_or_unknown(place: &Place, keyword: &'static str, limit: &Value) -> Violation {
    match Exact::read(limit) {
        Some(_) => place.violated(ViolationKind::Limit(keyword, limit.clone())),
        None => place.incomparable(keyword),
    }
}

fn numbers(a: &Conjunction<'_>, b: &Map<String, Value>, place: &Place, found: &mut Vec<Violation>) {
    let (lower, upper) = (lower(a), upper(a));
    let mut check = |keyword: &'static str, is_proven: &dyn Fn(Exact) -> bool| {
        let Some(limit) = b.get(keyword) else { return };
        if !Exact::read(limit).is_some_and(is_proven) {
            found.push(limit_or_unknown(place, keyword, limit));
        }
    };
    check("minimum", &|limit| lower.is_some_and(|lower| lower.at >= limit));
    check("maximum", &|limit| upper.is_some_and(|upper| upper.at <= limit));
    check("exclusiveMinimum", &|limit| {
        lower.is_some_and(|lower| lower.at > limit || (lower.at == limit && lower.is_exclusive))
    });
    check("exclusiveMaximum", &|limit| {
        upper.is_some_and(|upper| upper.at < limit || (upper.at == limit && upper.is_exclusive))
    });
    check("multipleOf", &|step| {
        let is_multiple = |of: Exact| of.is_multiple_of(step) == Some(true);
        a.all("multipleOf").filter_map(Exact::read).any(is_multiple)
            || (are_integers(a) && is_multiple(Exact::Integer(1)))
    });
}

fn sizes<'b>(
    a: &Conjunction<'_>,
    b: &'b Map<String, Value>,
    ty: TypeSet,
    violated: &mut impl FnMut(&'static str, &'b Value),
) {
    let (min, max) = size_keywords(ty);
    if let Some(limit) = b.get(min)
        && !Exact::read(limit).is_some_and(|limit| least_size(a, ty) >= limit)
    {
        violated(min, limit);
    }
    if let Some(limit) = b.get(max) {
        let greatest = greatest_size(a, ty);
        if !Exact::read(limit).is_some_and(|limit| greatest.is_some_and(|greatest| greatest <= limit)) {
            violated(max, limit);
        }
    }
}

/// Checks `pattern` and `format`. Patterns and the formats of strings must be equal.
fn formats(a: &Conjunction<'_>, b: &Map<String, Value>, place: &Place, found: &mut Vec<Violation>) {
    let checks = [("pattern", TypeSet::STRING), ("format", TypeSet::STRING | TypeSet::NUMBER)];
    for (keyword, types) in checks {
        let Some(said) = b.get(keyword) else { continue };
        if !a.types().meets(types) || a.all(keyword).any(|known| known == said) {
            continue;
        }
        let Some(text) = said.as_str() else {
            found.push(place.incomparable(keyword));
            continue;
        };
        let is_of_numbers = keyword == "format" && a.types().meets(TypeSet::NUMBER);
        let of_numbers = is_of_numbers.then(|| number_format(a, text)).flatten();
        // A format of numbers says nothing that is known of strings.
        let of_strings = || a.types().meets(TypeSet::STRING).then(|| ViolationKind::Format(keyword, text.to_owned()));
        found.extend(of_numbers.or_else(of_strings).map(|kind| place.violated(kind)));
    }
}

/// Checks the format of numbers. JSON numbers are taken for `double`, unless they have a narrower format.
fn number_format(a: &Conjunction<'_>, format: &str) -> Option<ViolationKind> {
    let is_in_range = |(min, max): (Exact, Exact)| {
        let is_proven = |lower: NumberLimit, upper: NumberLimit| lower.at >= min && upper.at <= max;
        are_integers(a) && lower(a).zip(upper(a)).is_some_and(|(lower, upper)| is_proven(lower, upper))
    };
    let unknown = || ViolationKind::Format("format", format.to_owned());
    match (format, range_of_format(format)) {
        (_, Some(range)) => (!is_in_range(range)).then(|| ViolationKind::Limit("format", format.into())),
        ("double", None) => None,
        ("float", None) => (!is_in_range(INTEGERS_OF_FLOAT)).then(unknown),
        (_, None) => Some(unknown()),
    }
}

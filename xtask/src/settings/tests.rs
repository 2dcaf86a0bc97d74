//! Checks the default in the documentation of each setting against the code.

use syn::visit::Visit;
use syn::{Attribute, BinOp, Expr, Field, ItemStruct, Lit, Macro, Meta};

use super::read;
use crate::sources;

#[test]
fn every_default_is_documented() {
    let workspace = sources::workspace();
    let mut settings = Settings::default();
    for package in sources::packages(&workspace).unwrap() {
        for (path, text) in sources::read(&workspace, &sources::folder(&package)).unwrap() {
            settings.visit_file(&syn::parse_file(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display())));
        }
    }
    assert!(settings.structs.contains(&"Limits".to_owned()), "{:?}", settings.structs);
    assert_eq!(settings.faults, [""; 0]);
}

#[test]
fn default_that_the_documentation_does_not_say_is_found() {
    let file = "settings! {
        struct Made {
            /// How many bytes. Default: 2 MiB. Beyond: nothing.
            right: usize = 2 << 20,
            /// How many. Default:
            /// 1,024, and more.
            wrapped: usize = 1_024,
            /// How long. Default: 24 hours.
            day: Duration = Duration::from_secs(24 * 60 * 60),
            /// How long. Default: half of the time.
            derived: Option<Duration> = None,
            /// The name. Default: `a.b`.
            name: String = \"a.b\".to_owned(),
            /// How many. Default: 10.
            wrong: usize = 100; no setter,
            /// How long. Default: 5 s.
            slow: Option<Duration> = Some(Duration::from_millis(5)),
            /// Whether it is. Default: true.
            is: bool = false,
            /// How many.
            silent: usize = 1,
        }
    }";
    let mut settings = Settings::default();
    settings.visit_file(&syn::parse_file(file).unwrap());
    let expected = [
        "Made::wrong: \"10\" is none of [\"100\"]",
        "Made::slow: \"5 s\" is none of [\"5 ms\"]",
        "Made::is: \"true\" is none of [\"false\"]",
        "Made::silent has no default in its documentation",
    ];
    assert_eq!(settings.faults, expected);
}

/// The structs of settings found, and their mistakes.
#[derive(Default)]
struct Settings {
    structs: Vec<String>,
    faults: Vec<String>,
}

impl<'ast> Visit<'ast> for Settings {
    fn visit_macro(&mut self, mac: &'ast Macro) {
        if mac.path.segments.last().is_some_and(|name| name.ident == "settings") {
            let item = read(mac).expect("`settings!` holds a struct");
            self.faults.extend(item.fields.iter().filter_map(|field| fault(&item, field)));
            self.structs.push(item.ident.to_string());
        }
    }
}

fn fault(item: &ItemStruct, field: &Field) -> Option<String> {
    let name = format!("{}::{}", item.ident, field.ident.as_ref()?);
    let docs = docs(&field.attrs);
    let Some((_, said)) = docs.split_once("Default: ") else {
        return Some(format!("{name} has no default in its documentation"));
    };
    let end = [". ", ", ", "; "].iter().filter_map(|end| said.find(end)).min().unwrap_or(said.len());
    let said = said[..end].trim_end_matches('.');
    let (_, default) = field.default.as_ref()?;
    let right = readable(default);
    (!right.is_empty() && !right.iter().any(|right| right == said))
        .then(|| format!("{name}: {said:?} is none of {right:?}"))
}

/// Joins the lines of documentation.
fn docs(attrs: &[Attribute]) -> String {
    let lines = attrs.iter().filter_map(|attr| match &attr.meta {
        Meta::NameValue(meta) if meta.path.is_ident("doc") => match &meta.value {
            Expr::Lit(expr) => {
                if let Lit::Str(text) = &expr.lit {
                    Some(text.value().trim().to_owned())
                } else {
                    None
                }
            }
            _ => None,
        },
        _ => None,
    });
    lines.collect::<Vec<_>>().join(" ")
}

/// Lists the accepted texts for a default. The list is empty if only code can express the default: any text is then
/// accepted.
fn readable(default: &Expr) -> Vec<String> {
    if let Some(number) = number(default) {
        return sizes(number);
    }
    match default {
        Expr::Lit(expr) => match &expr.lit {
            Lit::Bool(lit) => vec![lit.value.to_string()],
            Lit::Str(lit) => vec![format!("`{}`", lit.value())],
            _ => Vec::new(),
        },
        Expr::MethodCall(call) if call.args.is_empty() => readable(&call.receiver),
        Expr::Call(call) => match (function(&call.func).as_str(), call.args.first()) {
            ("Some", Some(value)) => readable(value),
            ("from_secs", Some(value)) => number(value).map(|seconds| times(seconds * 1000)).unwrap_or_default(),
            ("from_millis", Some(value)) => number(value).map(times).unwrap_or_default(),
            _ => Vec::new(),
        },
        _ => Vec::new(),
    }
}

fn function(expr: &Expr) -> String {
    let Expr::Path(path) = expr else { return String::new() };
    path.path.segments.last().map(|segment| segment.ident.to_string()).unwrap_or_default()
}

/// Evaluates products and shifts, such as `2 << 20` and `24 * 60`.
fn number(expr: &Expr) -> Option<u64> {
    match expr {
        Expr::Lit(expr) => {
            if let Lit::Int(lit) = &expr.lit {
                lit.base10_parse().ok()
            } else {
                None
            }
        }
        Expr::Binary(expr) => match (number(&expr.left)?, &expr.op, number(&expr.right)?) {
            (left, BinOp::Shl(_), right) => Some(left << right),
            (left, BinOp::Mul(_), right) => Some(left * right),
            _ => None,
        },
        _ => None,
    }
}

fn sizes(number: u64) -> Vec<String> {
    let in_units = in_units(number, [(1 << 20, "MiB"), (1 << 10, "KiB")]);
    in_units.chain([with_commas(number)]).collect()
}

fn times(millis: u64) -> Vec<String> {
    in_units(millis, [(3_600_000, "hours"), (60_000, "minutes"), (1000, "s"), (1, "ms")]).collect()
}

fn in_units<const N: usize>(number: u64, units: [(u64, &str); N]) -> impl Iterator<Item = String> {
    let whole = units.into_iter().filter(move |(unit, _)| number > 0 && number.is_multiple_of(*unit));
    whole.map(move |(unit, name)| format!("{} {name}", with_commas(number / unit)))
}

fn with_commas(number: u64) -> String {
    if number < 1000 { number.to_string() } else { format!("{},{:03}", with_commas(number / 1000), number % 1000) }
}

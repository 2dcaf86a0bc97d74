//! Writes all that a document says of a method.

use rpc::openrpc::{ContentDescriptor, Description, Method, MethodError, ParamStructure};
use rpc::{Effect, Lag};
use serde_json::Value;

use super::page::{Cell, Page};
use super::schemas::schemas;
use crate::escape::clean;
use crate::type_notation::{definition, named_types, notation};

/// How many characters of a parameter's docs are shown.
const MAX_DOCS: usize = 2048;

/// Writes the method.
pub(super) fn write(method: Method<'_>, description: &Description, page: &mut Page) {
    let signature = signature(method, page);
    page.title(&signature);
    if method.is_deprecated() {
        let warning = page.warning("Deprecated.");
        page.title(&warning);
    }
    let summary = method.summary().map(str::trim).filter(|summary| !summary.is_empty());
    for text in [summary, method.description().filter(|text| Some(text.trim()) != summary)].into_iter().flatten() {
        if !text.trim().is_empty() {
            page.paragraph(text);
        }
    }
    params(method, page);
    if let Some(stream) = method.stream() {
        page.head("Items of the stream");
        let kind = notation(stream.item);
        page.table(&[vec![Cell::new(&kind, page.kind(&kind)), Cell::plain(lag_text(stream.lag))]]);
    } else if let Some(result) = method.result() {
        page.head("Result");
        let kind = notation(result.schema.as_value());
        page.table(&[vec![Cell::new(&kind, page.kind(&kind)), Cell::plain(&docs_of(result).join(" "))]]);
    }
    types(method, description, page);
    errors(method, page);
    facts(method, page);
}

/// Writes the method as code: `user.get(id: integer, depth?: integer = 2) -> User | null`.
fn signature(method: Method<'_>, page: &Page) -> String {
    let param = |param: &ContentDescriptor| {
        let mark = if param.is_required() { "" } else { "?" };
        let default = match default_of(param) {
            Some(default) => format!(" = {default}"),
            None => String::new(),
        };
        format!("{}{mark}: {}{default}", clean(&param.name), page.kind(&notation(param.schema.as_value())))
    };
    let params: Vec<_> = method.params().map(param).collect();
    let params = if method.params_as_whole() {
        method.params().map(|param| page.kind(&notation(param.schema.as_value()))).collect::<Vec<_>>().join(", ")
    } else {
        params.join(", ")
    };
    let result = match method.stream() {
        Some(stream) => Some(format!(" -> stream of {}", page.kind(&notation(stream.item)))),
        None => method.result().map(|result| format!(" -> {}", page.kind(&notation(result.schema.as_value())))),
    };
    format!("{}({params}){}", page.name(method.name()), result.unwrap_or_default())
}

fn default_of(param: &ContentDescriptor) -> Option<&Value> {
    param.schema.as_value().get("default").filter(|default| !default.is_null())
}

fn params(method: Method<'_>, page: &mut Page) {
    let rows: Vec<_> = method
        .params()
        .map(|param| {
            let kind = notation(param.schema.as_value());
            let mut docs: Vec<_> = docs_of(param).into_iter().map(sentence).collect();
            if !param.is_required() {
                docs.push(match default_of(param) {
                    Some(default) => format!("Default: {default}."),
                    None => "Optional.".to_owned(),
                });
            }
            docs.extend(limits(param.schema.as_value()));
            if param.is_deprecated() {
                docs.push("Deprecated.".to_owned());
            }
            let name = Cell::new(&param.name, page.name(&param.name));
            vec![name, Cell::new(&kind, page.kind(&kind)), Cell::plain(&docs.join(" "))]
        })
        .collect();
    let form = match method.param_structure() {
        _ if method.params_as_whole() => "Params, one JSON value",
        ParamStructure::ByName => "Params, by name only",
        ParamStructure::ByPosition => "Params, by position only",
        _ => "Params",
    };
    if !rows.is_empty() {
        page.head(form);
        page.table(&rows);
    }
}

/// Returns the summary and the description of a parameter or a result, each on one line.
fn docs_of(content: &ContentDescriptor) -> Vec<String> {
    let schema = content.schema.as_value().get("description").and_then(Value::as_str);
    let own = [content.summary.as_deref(), content.description.as_deref()];
    let mut docs: Vec<String> = Vec::new();
    let texts = if own.iter().all(Option::is_none) { [schema, None] } else { own };
    for text in texts.into_iter().flatten() {
        let mut text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        // Many references may name the same docs.
        if let Some((end, _)) = text.char_indices().nth(MAX_DOCS) {
            text.truncate(end);
            text.push_str(" ...");
        }
        if !text.is_empty() && !docs.contains(&text) {
            docs.push(text);
        }
    }
    docs
}

/// Ends a text as a sentence, since more may follow.
fn sentence(text: String) -> String {
    if text.ends_with(['.', '!', '?', ':']) { text } else { text + "." }
}

/// Returns the bounds of a value as a sentence.
fn limits(schema: &Value) -> Option<String> {
    // Zero and the limits of machine numbers are no news.
    const DULL: [f64; 9] = [0.0, 255.0, 65535.0, 4_294_967_295.0, -128.0, 127.0, -32768.0, 32767.0, 2_147_483_647.0];
    let bound = |keyword: &str| schema.get(keyword).filter(|bound| bound.as_f64().is_some_and(|b| !DULL.contains(&b)));
    let words = [
        ("minimum", "at least"),
        ("exclusiveMinimum", "more than"),
        ("maximum", "at most"),
        ("exclusiveMaximum", "less than"),
        ("multipleOf", "a multiple of"),
        ("minLength", "at least this long:"),
        ("maxLength", "at most this long:"),
        ("minItems", "with at least this many items:"),
        ("maxItems", "with at most this many items:"),
    ];
    let mut parts: Vec<_> =
        words.iter().filter_map(|(keyword, words)| Some(format!("{words} {}", bound(keyword)?))).collect();
    parts.extend(schema.get("pattern").and_then(Value::as_str).map(|pattern| format!("matches /{pattern}/")));
    let sentence = parts.join(", ");
    let first = sentence.chars().next()?;
    Some(format!("{}{}.", first.to_uppercase(), &sentence[first.len_utf8()..]))
}

/// Writes the named types that the method uses.
fn types(method: Method<'_>, description: &Description, page: &mut Page) {
    let resolve = |reference: &str| description.schema(reference);
    let named = named_types(schemas(method), resolve);
    if named.is_empty() {
        return;
    }
    page.head("Types");
    for named in named {
        let text = match named.schema {
            Some(schema) => definition(&named.name, schema),
            None => format!("{} is not in this document", named.name),
        };
        for line in text.lines() {
            let line = page.kind(line);
            page.line(&line);
        }
    }
}

fn errors(method: Method<'_>, page: &mut Page) {
    let row = |error: MethodError<'_>| {
        let mut more: Vec<String> =
            error.data_schema().map(|schema| format!("data: {}", notation(schema))).into_iter().collect();
        more.extend(error.data().map(|data| format!("data: {data}")));
        more.extend(error.is_retryable().then(|| "may be retried".to_owned()));
        vec![
            Cell::plain(&error.code().to_string()),
            Cell::plain(error.name().unwrap_or_default()),
            Cell::plain(error.message()),
            Cell::plain(&more.join(", ")),
        ]
    };
    let rows: Vec<_> = method.errors().map(row).collect();
    if !rows.is_empty() {
        page.head("Errors");
        page.table(&rows);
    }
    if method.takes_other_errors() {
        if rows.is_empty() {
            page.head("Errors");
        }
        page.line("There may be other errors.");
    }
}

/// Writes what the document says of how a call behaves.
fn facts(method: Method<'_>, page: &mut Page) {
    let mut rows = Vec::new();
    let mut fact = |name: &str, text: String| rows.push(vec![Cell::plain(name), Cell::plain(&text)]);
    if let Some(effect) = method.effect() {
        fact("Effect", effect_text(effect).to_owned());
    }
    if let Some(cursor) = method.stream().filter(|stream| stream.resume).and_then(|stream| stream.cursor) {
        fact("Resume", format!("after a cut, behind the last cursor: {}", notation(cursor)));
    }
    if let Some(timeout) = method.timeout() {
        fact("Timeout", format!("{timeout:?} in the server"));
    }
    if let Some(roles) = method.requires() {
        let roles = if roles.is_empty() { "any authenticated caller".to_owned() } else { roles.join(" or ") };
        fact("Requires", roles);
    }
    let aliases: Vec<_> = method.aliases().collect();
    if !aliases.is_empty() {
        fact("Aliases", aliases.join(", "));
    }
    let tags: Vec<_> = method.tags().map(|tag| tag.name.as_str()).collect();
    if !tags.is_empty() {
        fact("Tags", tags.join(", "));
    }
    if let Some(docs) = method.external_docs() {
        fact("Docs", docs.url.clone());
    }
    if !rows.is_empty() {
        page.head("Behaviour");
        page.table(&rows);
    }
}

fn lag_text(lag: Lag) -> &'static str {
    match lag {
        Lag::Latest => "Only the newest item waits for a slow client.",
        Lag::DropOldest(_) => "The oldest items are dropped for a slow client.",
        Lag::End => "The stream ends if its client is too slow.",
        _ => "",
    }
}

fn effect_text(effect: Effect) -> &'static str {
    match effect {
        Effect::None => "none: the call only reads, and clients retry it",
        Effect::Idempotent => "idempotent: running twice has the effect of once, and clients retry it",
        _ => "once: clients retry it only if the call did not run, or with an idempotency key",
    }
}

//! Writes what a document says of its server as a whole.

use std::collections::HashMap;

use rpc::openrpc::Description;
use serde_json::{Value, json};

use super::page::{Cell, Page};
use crate::escape::clean;

/// Returns the document without its methods and components, but with the number of its methods.
pub(super) fn json(description: &Description) -> Value {
    let mut object = serde_json::to_value(description).unwrap_or_default();
    if let Some(members) = object.as_object_mut() {
        members.remove("components");
        members.insert("methods".to_owned(), json!(description.methods.len()));
    }
    object
}

/// Writes the document's head.
pub(super) fn write(description: &Description, page: &mut Page) {
    let info = &description.info;
    let title = format!("{} {}", page.name(&info.title), clean(&info.version));
    page.title(&title);
    if let Some(text) = info.description.as_deref().filter(|text| !text.trim().is_empty()) {
        page.paragraph(text);
    }
    let mut rows = Vec::new();
    let mut fact = |name: &str, text: String| rows.push(vec![Cell::plain(name), Cell::plain(&text)]);
    for server in description.servers.iter().flatten() {
        let about = server.summary.as_deref().or(server.description.as_deref()).or(server.name.as_deref());
        fact("Server", format!("{}  {}", server.url, about.unwrap_or_default()).trim_end().to_owned());
    }
    if let Some(docs) = &description.external_docs {
        fact("Docs", docs.url.clone());
    }
    if let Some(contact) = &info.contact {
        let parts = [&contact.name, &contact.email, &contact.url].into_iter().flatten().map(String::as_str);
        fact("Contact", parts.collect::<Vec<_>>().join(", "));
    }
    if let Some(license) = &info.license {
        let parts = [&license.name, &license.url].into_iter().flatten().map(String::as_str);
        fact("License", parts.collect::<Vec<_>>().join(", "));
    }
    if let Some(terms) = &info.terms_of_service {
        fact("Terms", terms.clone());
    }
    fact("OpenRPC", description.openrpc.clone());
    fact("Methods", description.methods().count().to_string());
    page.gap();
    page.table(&rows);
    tags(description, page);
}

/// Writes the tags of the methods, each with the number of its methods.
fn tags(description: &Description, page: &mut Page) {
    let mut tags: Vec<(&str, &str, usize)> = Vec::new();
    let mut places = HashMap::new();
    for method in description.methods() {
        for tag in method.tags() {
            let docs = tag.summary.as_deref().or(tag.description.as_deref()).unwrap_or_default();
            let place = *places.entry(tag.name.as_str()).or_insert_with(|| {
                tags.push((&tag.name, "", 0));
                tags.len() - 1
            });
            let (_, known, count) = &mut tags[place];
            *count += 1;
            if known.is_empty() {
                *known = docs;
            }
        }
    }
    if tags.is_empty() {
        return;
    }
    page.head("Tags");
    let rows: Vec<_> = tags
        .into_iter()
        .map(|(name, docs, count)| {
            let docs = docs.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
            let methods = if count == 1 { "1 method".to_owned() } else { format!("{count} methods") };
            vec![Cell::new(name, page.name(name)), Cell::plain(&methods), Cell::plain(docs)]
        })
        .collect();
    page.table(&rows);
}

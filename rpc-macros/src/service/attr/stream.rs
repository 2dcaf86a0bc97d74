//! The arguments of a method's attribute that are about streams.

use proc_macro2::Ident;
use syn::LitStr;
use syn::parse::ParseStream;

use crate::attr;

/// The key `stream` of a method's attribute, and the keys that belong to it.
#[derive(Default)]
pub(crate) struct StreamArgs {
    pub(crate) stream: Option<Ident>,
    pub(crate) resume: Option<Ident>,
    pub(crate) lag: Option<LagArg>,
    pub(crate) subscribe: Option<LitStr>,
    pub(crate) topic: Option<LitStr>,
    pub(crate) unsubscribe: Option<LitStr>,
    /// The given keys that need `stream`, for error messages.
    pub(crate) options: Vec<Ident>,
}

/// What happens to items that a client does not read in time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum LagArg {
    Latest,
    DropOldest(usize),
    End,
}

impl StreamArgs {
    pub(super) fn take(&mut self, key: &Ident, input: ParseStream<'_>) -> syn::Result<()> {
        if key == "stream" {
            // Also set if the key is malformed, so that the method is still read as a stream.
            self.stream = Some(key.clone());
            return attr::flag(key, input);
        }
        self.options.push(key.clone());
        match key.to_string().as_str() {
            "resume" => {
                self.resume = Some(key.clone());
                attr::flag(key, input)?;
            }
            "lag" => self.lag = Some(lag(&attr::string(key, input)?)?),
            "subscribe" => self.subscribe = Some(attr::name(key, input)?),
            "topic" => self.topic = Some(attr::name(key, input)?),
            _ => self.unsubscribe = Some(attr::name(key, input)?),
        }
        Ok(())
    }
}

fn lag(text: &LitStr) -> syn::Result<LagArg> {
    let value = text.value();
    match value.as_str() {
        "latest" => return Ok(LagArg::Latest),
        "end" => return Ok(LagArg::End),
        _ => {}
    }
    let number = value.strip_prefix("drop_oldest(").and_then(|rest| rest.strip_suffix(')'));
    match number.map(str::parse::<usize>) {
        Some(Ok(0)) => Err(syn::Error::new(text.span(), "`drop_oldest` keeps at least one item")),
        Some(Ok(most)) => Ok(LagArg::DropOldest(most)),
        Some(Err(_)) => Err(syn::Error::new(text.span(), "`drop_oldest` needs a number of items: `drop_oldest(100)`")),
        None => {
            let message = format!("unknown lag `{value}`: it is `latest`, `drop_oldest(100)` or `end`");
            Err(syn::Error::new(text.span(), message))
        }
    }
}

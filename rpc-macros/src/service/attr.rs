//! The arguments of `#[rpc::service(..)]` and of the attributes inside the trait.

mod stream;

use proc_macro2::{Ident, TokenStream};
use syn::parse::ParseStream;
use syn::{Attribute, Expr, LitStr, Path, Token};

pub(crate) use self::stream::{LagArg, StreamArgs};
use crate::attr::{self, Place};
use crate::case::Case;
use crate::diagnostics::Diagnostics;
use crate::{duration, names};

const SERVICE: Place = Place {
    what: "`#[rpc::service]`",
    keys: &["namespace", "separator", "rename_all", "lenient", "params", "requires", "openrpc", "crate"],
    repeatable: &["requires"],
};
const METHOD: Place = Place {
    what: "a method",
    keys: &[
        "name",
        "alias",
        "readonly",
        "idempotent",
        "timeout",
        "requires",
        "params",
        "blocking",
        "ordered",
        "stream",
        "resume",
        "lag",
        "subscribe",
        "topic",
        "unsubscribe",
    ],
    repeatable: &["alias", "requires"],
};
const PARAM: Place = Place { what: "a parameter", keys: &["name", "default", "context"], repeatable: &[] };

/// The arguments of the service's attribute.
pub(crate) struct ServiceArgs {
    pub(crate) krate: Path,
    pub(crate) namespace: Option<LitStr>,
    pub(crate) separator: Option<LitStr>,
    pub(crate) rename_all: Option<Case>,
    pub(crate) lenient: bool,
    pub(crate) positional: bool,
    pub(crate) openrpc: Option<Ident>,
    pub(crate) requires: Requires,
}

/// The requirements on callers: none, or a principal with all of these roles.
#[derive(Clone, Default)]
pub(crate) struct Requires(pub(crate) Option<Vec<LitStr>>);

impl Requires {
    /// Parses `requires`, or `requires = "role"`.
    fn take(&mut self, key: &Ident, input: ParseStream<'_>) -> syn::Result<()> {
        if !input.peek(Token![=]) {
            attr::flag(key, input)?;
            self.0.get_or_insert_default();
            return Ok(());
        }
        let role = attr::name(key, input)?;
        self.0.get_or_insert_default().push(role);
        Ok(())
    }

    /// Combines two requirements: callers must meet both.
    pub(crate) fn and(&self, other: &Self) -> Self {
        if self.0.is_none() && other.0.is_none() {
            return Self(None);
        }
        let mut roles = Vec::<LitStr>::new();
        for role in [self, other].into_iter().filter_map(|requires| requires.0.as_ref()).flatten() {
            if !roles.iter().any(|known| known.value() == role.value()) {
                roles.push(role.clone());
            }
        }
        Self(Some(roles))
    }
}

impl ServiceArgs {
    pub(crate) fn parse(tokens: TokenStream, diagnostics: &mut Diagnostics) -> Self {
        let mut args = Self {
            krate: names::default_crate(),
            namespace: None,
            separator: None,
            rename_all: None,
            lenient: false,
            positional: false,
            openrpc: None,
            requires: Requires::default(),
        };
        attr::parse_arguments(tokens, &SERVICE, &mut Vec::new(), diagnostics, |key, input| args.take(key, input));
        args
    }

    fn take(&mut self, key: &Ident, input: ParseStream<'_>) -> syn::Result<()> {
        match key.to_string().as_str() {
            "namespace" => self.namespace = Some(attr::name(key, input)?),
            "separator" => self.separator = Some(attr::string(key, input)?),
            "rename_all" => self.rename_all = Some(case(&attr::string(key, input)?)?),
            "lenient" => {
                attr::flag(key, input)?;
                self.lenient = true;
            }
            "openrpc" => {
                attr::flag(key, input)?;
                self.openrpc = Some(key.clone());
            }
            "params" => self.positional = positional(&attr::string(key, input)?)?,
            "requires" => self.requires.take(key, input)?,
            _ => self.krate = attr::path(key, input)?,
        }
        Ok(())
    }
}

fn case(rule: &LitStr) -> syn::Result<Case> {
    Case::parse(&rule.value()).ok_or_else(|| {
        let message = format!("unknown rule `{}`; the rules are {}", rule.value(), Case::known());
        syn::Error::new(rule.span(), message)
    })
}

fn positional(params: &LitStr) -> syn::Result<bool> {
    match params.value().as_str() {
        "positional" => Ok(true),
        "named" => Ok(false),
        other => {
            let message = format!("`params` is `\"named\"` or `\"positional\"`, not `{other:?}`");
            Err(syn::Error::new(params.span(), message))
        }
    }
}

/// The arguments of a method's attribute.
#[derive(Default)]
pub(crate) struct MethodArgs {
    pub(crate) name: Option<LitStr>,
    pub(crate) aliases: Vec<LitStr>,
    pub(crate) readonly: Option<Ident>,
    pub(crate) idempotent: Option<Ident>,
    pub(crate) timeout_ms: Option<u64>,
    pub(crate) params: Option<Ident>,
    pub(crate) blocking: Option<Ident>,
    pub(crate) ordered: Option<Ident>,
    pub(crate) requires: Requires,
    pub(crate) stream: StreamArgs,
}

impl MethodArgs {
    pub(crate) fn parse(attrs: &[Attribute], diagnostics: &mut Diagnostics) -> Self {
        let mut args = Self::default();
        attr::parse_attributes(attrs, &METHOD, diagnostics, |key, input| args.take(key, input));
        args
    }

    fn take(&mut self, key: &Ident, input: ParseStream<'_>) -> syn::Result<()> {
        match key.to_string().as_str() {
            "name" => self.name = Some(attr::name(key, input)?),
            "alias" => self.aliases.push(attr::name(key, input)?),
            "readonly" => {
                attr::flag(key, input)?;
                self.readonly = Some(key.clone());
            }
            "idempotent" => {
                attr::flag(key, input)?;
                self.idempotent = Some(key.clone());
            }
            "params" => {
                attr::flag(key, input)?;
                self.params = Some(key.clone());
            }
            "blocking" => {
                attr::flag(key, input)?;
                self.blocking = Some(key.clone());
            }
            "ordered" => {
                attr::flag(key, input)?;
                self.ordered = Some(key.clone());
            }
            "requires" => self.requires.take(key, input)?,
            "timeout" => self.timeout_ms = Some(timeout(&attr::string(key, input)?)?),
            _ => self.stream.take(key, input)?,
        }
        Ok(())
    }
}

fn timeout(text: &LitStr) -> syn::Result<u64> {
    duration::parse_millis(&text.value()).map_err(|message| syn::Error::new(text.span(), message))
}

/// The arguments of a parameter's attribute.
#[derive(Default)]
pub(crate) struct ParamArgs {
    pub(crate) name: Option<LitStr>,
    pub(crate) default: Option<ParamDefault>,
    /// The key `default`, for error messages.
    pub(crate) default_key: Option<Ident>,
    pub(crate) context: Option<Ident>,
}

/// The value of an omitted parameter.
pub(crate) enum ParamDefault {
    /// `default`: the default of its type.
    OfType,
    /// `default = expr`.
    Expr(Box<Expr>),
}

impl ParamArgs {
    pub(crate) fn parse(attrs: &[Attribute], diagnostics: &mut Diagnostics) -> Self {
        let mut args = Self::default();
        attr::parse_attributes(attrs, &PARAM, diagnostics, |key, input| args.take(key, input));
        args
    }

    fn take(&mut self, key: &Ident, input: ParseStream<'_>) -> syn::Result<()> {
        match key.to_string().as_str() {
            "name" => self.name = Some(attr::name(key, input)?),
            "default" => {
                self.default = Some(default(key, input)?);
                self.default_key = Some(key.clone());
            }
            _ => {
                // Also set if the key is malformed, so that a context is not treated as a parameter.
                self.context = Some(key.clone());
                attr::flag(key, input)?;
            }
        }
        Ok(())
    }
}

fn default(key: &Ident, input: ParseStream<'_>) -> syn::Result<ParamDefault> {
    if !input.peek(Token![=]) {
        return Ok(ParamDefault::OfType);
    }
    attr::equals(key, input, "`default = 10`, or `default` for the type's own")?;
    Ok(ParamDefault::Expr(Box::new(input.parse()?)))
}

/// Removes the documentation from a parameter, where Rust does not allow it, and returns it.
pub(crate) fn take_docs(attrs: &mut Vec<Attribute>) -> String {
    let taken: Vec<_> = attrs.extract_if(.., |attr| attr.path().is_ident("doc")).collect();
    attr::docs(&taken)
}

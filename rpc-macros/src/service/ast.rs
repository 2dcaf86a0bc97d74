//! The parsed form of a service.

mod stream;

use proc_macro2::Ident;
use syn::spanned::Spanned;
use syn::{Attribute, FnArg, ItemTrait, LitStr, Pat, PatType, Path, ReturnType, TraitItemFn, Type};

pub(crate) use self::stream::{StreamOutput, is_stream};
use super::attr::{self, MethodArgs, ParamArgs, Requires, ServiceArgs};
use super::inherit;
use super::wire_name::{WireName, WireNames};
use crate::attr::{docs, take_rpc};
use crate::diagnostics::Diagnostics;
use crate::{names, types};

/// A service: the trait, and the data that the server's and the client's type need.
pub(crate) struct Service {
    pub(crate) krate: Path,
    /// The trait without our attributes. Parts that would cause further compiler errors are mended.
    pub(crate) item: ItemTrait,
    pub(crate) names: names::Items,
    pub(crate) namespace: Option<LitStr>,
    pub(crate) separator: Option<LitStr>,
    pub(crate) lenient: bool,
    pub(crate) positional: bool,
    /// The key `openrpc`, which adds types to descriptions.
    pub(crate) openrpc: Option<Ident>,
    pub(crate) docs: String,
    /// The trait's lint levels, for the generated code.
    pub(crate) lint_levels: Vec<Attribute>,
    /// The attributes that the server's and the client's type copy.
    pub(crate) type_attrs: Vec<Attribute>,
    /// The methods with valid signatures, in the order of the trait.
    pub(crate) methods: Vec<Method>,
    /// Which parts of the trait are usable.
    pub(crate) state: State,
}

/// Which parts of a trait are usable. After an error the other parts are still generated, so that only the error is
/// reported.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// All parts.
    Complete,
    /// Some of the trait's items are missing from `methods`, so the trait cannot be implemented.
    Partial,
    /// The trait is generic, so generated code cannot name it.
    Unusable,
}

/// A method as parsed. `check` decides whether it is valid.
pub(crate) struct Method {
    pub(crate) ident: Ident,
    pub(crate) is_async: bool,
    /// The arguments of its attribute.
    pub(crate) attrs: MethodArgs,
    pub(crate) cfgs: Vec<Attribute>,
    /// The attributes that the client's method copies: documentation, deprecation and conditions.
    pub(crate) shared_attrs: Vec<Attribute>,
    /// The method's lint levels, for the code generated from it.
    pub(crate) lint_levels: Vec<Attribute>,
    pub(crate) docs: String,
    pub(crate) is_deprecated: bool,
    pub(crate) wire: WireName,
    pub(crate) aliases: Vec<WireName>,
    /// The requirements on callers, of the service and of the method together.
    pub(crate) requires: Requires,
    /// The arguments except `self`, in the order of the signature.
    pub(crate) args: Vec<Arg>,
    /// Whether an attribute of an argument is malformed. The argument may then have another role than the user meant.
    pub(crate) is_malformed: bool,
    /// The return type as written.
    pub(crate) returns: ReturnType,
    /// The parsed return type.
    pub(crate) output: Output,
}

/// The effect of a repeated call of a method.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    None,
    Idempotent,
    Once,
}

/// An argument of a method.
pub(crate) enum Arg {
    /// The context.
    Context(Box<ContextArg>),
    /// A parameter, which goes over the wire.
    Param(Box<Param>),
}

/// The context of a call.
pub(crate) struct ContextArg {
    /// The type as written, reference included.
    pub(crate) ty: Type,
    /// The arguments of its attribute.
    pub(crate) attrs: ParamArgs,
}

/// A parameter, which goes over the wire.
pub(crate) struct Param {
    /// The name, or `_` for a pattern, which `check` rejects.
    pub(crate) ident: Ident,
    pub(crate) ty: Type,
    /// The arguments of its attribute.
    pub(crate) attrs: ParamArgs,
    pub(crate) wire: WireName,
    pub(crate) docs: String,
}

/// The return type of a method.
pub(crate) enum Output {
    /// Nothing.
    Unit,
    /// A value. The method declares no error.
    Plain(Type),
    /// `Result<T, E>`.
    Result(Box<(Type, Type)>),
    /// A type called `Result` with a hidden error type, such as `io::Result<T>`.
    ResultAlias(Type),
    /// The stream of a method with the key `stream`.
    Stream(Box<StreamOutput>),
    /// The return type of a method with the key `stream` that is not a stream, as the error about it.
    NoStream(syn::Error),
}

impl Service {
    /// Builds a service from its arguments, the mended trait, and its valid methods.
    pub(crate) fn new(args: ServiceArgs, item: ItemTrait, methods: Vec<Method>, state: State) -> Self {
        Self {
            krate: args.krate,
            names: names::Items::of_trait(&item.ident),
            namespace: args.namespace,
            separator: args.separator,
            lenient: args.lenient,
            positional: args.positional,
            openrpc: args.openrpc,
            docs: docs(&item.attrs),
            lint_levels: inherit::lint_levels(&item.attrs),
            type_attrs: inherit::of_types(&item.attrs),
            methods,
            state,
            item,
        }
    }
}

impl Method {
    /// Parses a method and removes our attributes from it.
    pub(crate) fn read(function: &mut TraitItemFn, service: &ServiceArgs, diagnostics: &mut Diagnostics) -> Self {
        let wire = WireNames::of(service);
        let attrs = MethodArgs::parse(&take_rpc(&mut function.attrs), diagnostics);
        let errors = diagnostics.count();
        let args = function.sig.inputs.iter_mut().filter_map(|input| Arg::read(input, &wire, diagnostics)).collect();
        let is_malformed = diagnostics.count() > errors;
        let output = Output::of(&function.sig.output, &attrs);
        if let Output::Stream(_) = output {
            stream::make_send(&mut function.sig.output);
        }
        let (others, sig) = (&function.attrs, &function.sig);
        Self {
            is_async: sig.asyncness.is_some(),
            cfgs: inherit::conditions(others),
            shared_attrs: inherit::descriptive(others),
            lint_levels: inherit::lint_levels(others),
            docs: docs(others),
            is_deprecated: others.iter().any(|attr| attr.path().is_ident("deprecated")),
            wire: wire.method(&sig.ident, attrs.name.as_ref()),
            aliases: attrs.aliases.iter().map(|alias| wire.alias(alias)).collect(),
            requires: service.requires.and(&attrs.requires),
            args,
            is_malformed,
            output,
            returns: sig.output.clone(),
            ident: sig.ident.clone(),
            attrs,
        }
    }

    pub(crate) fn params(&self) -> impl Iterator<Item = &Param> {
        self.args.iter().filter_map(|arg| match arg {
            Arg::Param(param) => Some(&**param),
            Arg::Context(_) => None,
        })
    }

    /// Returns the parameter `After<C>` of a stream that clients can resume.
    pub(crate) fn after(&self) -> Option<&Param> {
        self.attrs.stream.resume.as_ref()?;
        self.params().last().filter(|param| types::is_named(&param.ty, "After"))
    }

    /// Returns the parameters that callers pass: all except `After<C>`, which the client fills in.
    pub(crate) fn passed_params(&self) -> impl Iterator<Item = &Param> {
        let count = self.params().count() - usize::from(self.after().is_some());
        self.params().take(count)
    }

    /// Returns whether callers may omit a parameter.
    pub(crate) fn is_optional(&self, param: &Param) -> bool {
        param.is_optional() || self.after().is_some_and(|after| std::ptr::eq(after, param))
    }

    pub(crate) fn takes_context(&self) -> bool {
        self.args.iter().any(|arg| matches!(arg, Arg::Context(_)))
    }

    /// Returns whether the method runs on a thread where it may block.
    pub(crate) fn is_blocking(&self) -> bool {
        self.attrs.blocking.is_some()
    }

    /// Returns whether the only parameter holds all params.
    pub(crate) fn has_whole_params(&self) -> bool {
        self.attrs.params.is_some()
    }

    /// Returns the effect of a repeated call.
    pub(crate) fn effect(&self) -> Effect {
        if self.attrs.readonly.is_some() || self.attrs.stream.stream.is_some() {
            Effect::None
        } else if self.attrs.idempotent.is_some() {
            Effect::Idempotent
        } else {
            Effect::Once
        }
    }

    /// Returns whether the two methods may have conditions that exclude each other. The macro cannot evaluate
    /// conditions.
    pub(crate) fn may_exclude(&self, other: &Self) -> bool {
        !std::ptr::eq(self, other) && !self.cfgs.is_empty() && !other.cfgs.is_empty()
    }
}

impl Arg {
    /// Parses an argument, and removes our attributes and its documentation from it. Returns `None` for `self`.
    fn read(input: &mut FnArg, wire: &WireNames, diagnostics: &mut Diagnostics) -> Option<Self> {
        match input {
            FnArg::Receiver(receiver) => {
                if let Some(attr) = take_rpc(&mut receiver.attrs).first() {
                    diagnostics.at(attr, "`&self` is not a parameter and takes no `#[rpc(..)]`");
                }
                None
            }
            FnArg::Typed(typed) => {
                let attrs = ParamArgs::parse(&take_rpc(&mut typed.attrs), diagnostics);
                let docs = attr::take_docs(&mut typed.attrs);
                let ty = (*typed.ty).clone();
                Some(if attrs.context.is_some() {
                    Self::Context(Box::new(ContextArg { ty, attrs }))
                } else {
                    let ident = ident(typed);
                    let wire = wire.param(&ident, attrs.name.as_ref());
                    Self::Param(Box::new(Param { ident, ty, attrs, wire, docs }))
                })
            }
        }
    }
}

fn ident(typed: &PatType) -> Ident {
    match &*typed.pat {
        Pat::Ident(pat) => pat.ident.clone(),
        other => Ident::new("_", other.span()),
    }
}

impl Param {
    fn is_optional(&self) -> bool {
        self.attrs.default.is_some() || types::is_named(&self.ty, "Option")
    }

    /// Returns whether the parameter has a name instead of a pattern.
    pub(crate) fn has_name(&self) -> bool {
        self.ident != "_"
    }
}

impl Output {
    fn of(output: &ReturnType, attrs: &MethodArgs) -> Self {
        match &attrs.stream.stream {
            Some(key) => match StreamOutput::read(output, key) {
                Ok(stream) => Self::Stream(Box::new(stream)),
                Err(error) => Self::NoStream(error),
            },
            None => Self::read(output),
        }
    }

    fn read(output: &ReturnType) -> Self {
        let ReturnType::Type(_, ty) = output else { return Self::Unit };
        if types::is_unit(ty) {
            return Self::Unit;
        }
        if let Some((ok, err)) = types::result_arguments(ty) {
            return Self::Result(Box::new((ok.clone(), err.clone())));
        }
        if types::is_named(ty, "Result") {
            return Self::ResultAlias((**ty).clone());
        }
        Self::Plain((**ty).clone())
    }
}

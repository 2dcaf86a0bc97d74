//! What was understood of a service.

use std::fmt;

use proc_macro2::{Ident, Span};
use syn::ext::IdentExt;
use syn::{
    Attribute, FnArg, ItemTrait, LitStr, Pat, Path, ReturnType, Safety, Signature, TraitItem, TraitItemFn, Type,
};

use super::attr::{self, MethodArgs, ParamArgs, ParamDefault, Requires, ServiceArgs};
use super::check;
use crate::attr::{docs, take_rpc};
use crate::case::Case;
use crate::diagnostics::Diagnostics;
use crate::{names, types};

/// A service: the trait, and what its other halves need to know of it.
pub(crate) struct Service {
    pub(crate) krate: Path,
    /// The trait without our attributes. What the compiler would complain about in addition to us is mended.
    pub(crate) item: ItemTrait,
    pub(crate) names: names::Items,
    pub(crate) namespace: Option<LitStr>,
    pub(crate) separator: Option<LitStr>,
    pub(crate) lenient: bool,
    pub(crate) positional: bool,
    /// The key that asks for the types to be described.
    pub(crate) openrpc: Option<Ident>,
    pub(crate) docs: String,
    /// The methods whose signatures are sound, in the order of the trait.
    pub(crate) methods: Vec<Method>,
    /// How much of the trait can be used.
    pub(crate) state: State,
}

/// Says how much of a trait can be used: after an error the rest is still generated, so that the error stands alone.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// All of it.
    Complete,
    /// Some of its items are missing from the methods, so it cannot be implemented.
    Partial,
    /// It cannot even be named, being generic.
    Unusable,
}

/// A method whose signature is sound.
pub(crate) struct Method {
    pub(crate) ident: Ident,
    pub(crate) is_async: bool,
    /// Whether it runs on a thread where it may block.
    pub(crate) is_blocking: bool,
    pub(crate) cfgs: Vec<Attribute>,
    /// The attributes that the client's method has too: documentation, deprecation and conditions.
    pub(crate) shared_attrs: Vec<Attribute>,
    pub(crate) docs: String,
    pub(crate) is_deprecated: bool,
    pub(crate) wire: WireName,
    pub(crate) aliases: Vec<WireName>,
    pub(crate) effect: Effect,
    pub(crate) timeout_ms: Option<u64>,
    /// What callers must be, as the service says, and the method.
    pub(crate) requires: Requires,
    pub(crate) args: Vec<Arg>,
    /// Whether the one parameter is all params.
    pub(crate) whole_params: bool,
    /// The return type as it was written.
    pub(crate) returns: ReturnType,
    /// What was understood of it.
    pub(crate) output: Output,
}

/// A name on the wire, with the place where it was written.
#[derive(Clone)]
pub(crate) struct WireName {
    pub(crate) text: String,
    pub(crate) span: Span,
}

impl fmt::Display for WireName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Says what repeating a call of a method means.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    None,
    Idempotent,
    Once,
}

/// An argument of a method.
pub(crate) enum Arg {
    /// The context, with the type as written, which is a reference.
    Context(Box<Type>),
    /// A parameter, which travels.
    Param(Box<Param>),
}

/// A parameter that travels.
pub(crate) struct Param {
    pub(crate) ident: Ident,
    pub(crate) ty: Type,
    pub(crate) wire: WireName,
    pub(crate) default: Option<ParamDefault>,
    pub(crate) docs: String,
}

impl Param {
    /// Tells whether callers may leave the parameter out.
    pub(crate) fn is_optional(&self) -> bool {
        self.default.is_some() || types::is_named(&self.ty, "Option")
    }
}

/// What a method returns.
pub(crate) enum Output {
    /// Nothing.
    Unit,
    /// A value; the method cannot fail by itself.
    Plain(Type),
    /// `Result<T, E>`.
    Result(Box<(Type, Type)>),
    /// A type called `Result` whose error is not in sight, such as `io::Result<T>`.
    ResultAlias(Type),
}

impl Method {
    pub(crate) fn params(&self) -> impl Iterator<Item = &Param> {
        self.args.iter().filter_map(|arg| match arg {
            Arg::Param(param) => Some(&**param),
            Arg::Context(_) => None,
        })
    }

    pub(crate) fn takes_context(&self) -> bool {
        self.args.iter().any(|arg| matches!(arg, Arg::Context(_)))
    }
}

impl Service {
    /// Reads a trait, taking our attributes off it.
    pub(crate) fn read(args: ServiceArgs, mut item: ItemTrait, diagnostics: &mut Diagnostics) -> Self {
        let mut state = check::item(&mut item, diagnostics);
        let wire = WireNames { prefix: prefix(&args), rename_all: args.rename_all };
        let common = Common { wire, requires: &args.requires };
        let mut methods = Vec::<Method>::new();
        for item in &mut item.items {
            let TraitItem::Fn(function) = item else { continue };
            let method = read_method(function, &common, diagnostics);
            // Of two methods with one name, the compiler speaks better than we could.
            match method.filter(|method| !methods.iter().any(|other| is_redefinition(other, method))) {
                Some(method) => methods.push(method),
                None if state == State::Complete => state = State::Partial,
                None => {}
            }
        }
        Self {
            krate: args.krate,
            names: names::Items::of_trait(&item.ident),
            namespace: args.namespace,
            separator: args.separator,
            lenient: args.lenient,
            positional: args.positional,
            openrpc: args.openrpc,
            docs: docs(&item.attrs),
            methods,
            state,
            item,
        }
    }
}

fn is_redefinition(one: &Method, other: &Method) -> bool {
    one.ident == other.ident && !check::may_exclude_each_other(one, other)
}

/// Returns what stands before the methods' names on the wire.
fn prefix(args: &ServiceArgs) -> String {
    let separator = args.separator.as_ref().map_or_else(|| ".".to_owned(), LitStr::value);
    args.namespace.as_ref().map_or_else(String::new, |namespace| namespace.value() + &separator)
}

/// What the service says of all of its methods.
struct Common<'a> {
    wire: WireNames,
    requires: &'a Requires,
}

/// The rules by which identifiers become names on the wire.
struct WireNames {
    prefix: String,
    rename_all: Option<Case>,
}

impl WireNames {
    /// Names a method: its namespace comes first, whether its own name was given or not.
    fn method(&self, ident: &Ident, explicit: Option<&LitStr>) -> WireName {
        let name = self.param(ident, explicit);
        WireName { text: format!("{}{}", self.prefix, name.text), span: name.span }
    }

    fn alias(&self, alias: &LitStr) -> WireName {
        WireName { text: format!("{}{}", self.prefix, alias.value()), span: alias.span() }
    }

    fn param(&self, ident: &Ident, explicit: Option<&LitStr>) -> WireName {
        if let Some(name) = explicit {
            return WireName { text: name.value(), span: name.span() };
        }
        let name = ident.unraw().to_string();
        WireName { text: self.rename_all.map_or(name.clone(), |case| case.apply(&name)), span: ident.span() }
    }
}

fn read_method(function: &mut TraitItemFn, common: &Common<'_>, diagnostics: &mut Diagnostics) -> Option<Method> {
    let Common { wire, requires } = common;
    let args = MethodArgs::parse(&take_rpc(&mut function.attrs), diagnostics);
    let effect = check::effect(&args, diagnostics);

    let errors = diagnostics.count();
    let arg_attrs: Vec<_> = function.sig.inputs.iter_mut().map(ArgAttrs::take).collect();
    check::signature(function, diagnostics);
    check::blocking(&args, &function.sig, diagnostics);
    let inputs = read_args(&function.sig, &arg_attrs, &args, wire, diagnostics);
    if diagnostics.count() > errors {
        mend(function);
        return None;
    }

    let attrs = &function.attrs;
    Some(Method {
        is_async: function.sig.asyncness.is_some(),
        is_blocking: args.blocking.is_some(),
        cfgs: attr::with_names(attrs, &["cfg"]),
        shared_attrs: attr::with_names(attrs, &["cfg", "cfg_attr", "doc", "deprecated"]),
        docs: docs(attrs),
        is_deprecated: attrs.iter().any(|attr| attr.path().is_ident("deprecated")),
        wire: wire.method(&function.sig.ident, args.name.as_ref()),
        aliases: args.aliases.iter().map(|alias| wire.alias(alias)).collect(),
        effect,
        timeout_ms: args.timeout_ms,
        requires: requires.and(&args.requires),
        args: inputs,
        whole_params: args.params.is_some(),
        output: read_output(&function.sig.output),
        returns: function.sig.output.clone(),
        ident: function.sig.ident.clone(),
    })
}

/// What stood on an argument, and is no part of the trait.
struct ArgAttrs {
    rpc: Vec<Attribute>,
    docs: String,
}

impl ArgAttrs {
    fn take(arg: &mut FnArg) -> Self {
        match arg {
            FnArg::Receiver(receiver) => Self { rpc: take_rpc(&mut receiver.attrs), docs: String::new() },
            FnArg::Typed(typed) => Self { rpc: take_rpc(&mut typed.attrs), docs: attr::take_docs(&mut typed.attrs) },
        }
    }
}

fn read_args(
    sig: &Signature,
    attrs: &[ArgAttrs],
    method: &MethodArgs,
    wire: &WireNames,
    diagnostics: &mut Diagnostics,
) -> Vec<Arg> {
    let mut args = Vec::new();
    for (input, ArgAttrs { rpc, docs }) in sig.inputs.iter().zip(attrs) {
        let FnArg::Typed(typed) = input else {
            if let Some(attr) = rpc.first() {
                diagnostics.at(attr, "`&self` is not a parameter and takes no `#[rpc(..)]`");
            }
            continue;
        };
        let param = ParamArgs::parse(rpc, diagnostics);
        check::param(typed, &param, diagnostics);
        check::whole_param(method, &param, diagnostics);
        if param.context.is_some() {
            args.push(Arg::Context(typed.ty.clone()));
        } else if let Pat::Ident(pat) = &*typed.pat {
            args.push(Arg::Param(Box::new(Param {
                ident: pat.ident.clone(),
                ty: (*typed.ty).clone(),
                wire: wire.param(&pat.ident, param.name.as_ref()),
                default: param.default,
                docs: docs.clone(),
            })));
        }
        check::context_is_first_of_its_kind(&args, typed, diagnostics);
    }
    check::params(sig, &args, diagnostics);
    check::whole_params(method, sig, &args, diagnostics);
    args
}

fn read_output(output: &ReturnType) -> Output {
    let ReturnType::Type(_, ty) = output else { return Output::Unit };
    if types::is_unit(ty) {
        return Output::Unit;
    }
    if let Some((ok, err)) = types::result_arguments(ty) {
        return Output::Result(Box::new((ok.clone(), err.clone())));
    }
    if types::is_named(ty, "Result") {
        return Output::ResultAlias((**ty).clone());
    }
    Output::Plain((**ty).clone())
}

/// Takes out of a refused method what the compiler would refuse a second time.
fn mend(function: &mut TraitItemFn) {
    function.modifiers = syn::FnModifiers::default();
    function.sig.constness = None;
    function.sig.abi = None;
    function.sig.variadic = None;
    if let Safety::Safe(_) = function.sig.safety {
        function.sig.safety = Safety::Default;
    }
    if function.default.is_some() {
        return;
    }
    for input in &mut function.sig.inputs {
        if let FnArg::Typed(typed) = input {
            *typed.pat =
                Pat::Wild(syn::PatWild { attrs: Vec::new(), underscore_token: syn::Token![_](Span::mixed_site()) });
        }
    }
}

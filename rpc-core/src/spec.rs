//! Descriptions of services and methods, as constants. `#[rpc::service]` writes them, and server, client and OpenRPC
//! read them. The guards at the end turn mistakes in a trait into compile errors.

use std::borrow::Cow;
use std::marker::PhantomData;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use crate::{ErrorSet, StreamSpec};

/// Provides the description that `#[rpc::service]` makes of a trait.
///
/// `#[rpc::service]` implements it for the generated types of both server and client.
pub trait Describe {
    /// The service's description.
    const SPEC: &'static ServiceSpec;
}

/// The description of a service: what `#[rpc::service]` read from the trait.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct ServiceSpec {
    /// The trait's name.
    pub name: &'static str,
    /// The namespace of the methods' wire names, or empty.
    pub namespace: &'static str,
    /// The trait's documentation, or empty.
    pub docs: &'static str,
    /// The methods, in the order of the trait.
    pub methods: &'static [&'static MethodSpec],
}

impl ServiceSpec {
    /// Makes the description of a service without methods.
    pub const fn new(name: &'static str) -> Self {
        Self { name, namespace: "", docs: "", methods: &[] }
    }

    /// Sets the namespace.
    #[must_use]
    pub const fn namespace(mut self, namespace: &'static str) -> Self {
        self.namespace = namespace;
        self
    }

    /// Sets the documentation.
    #[must_use]
    pub const fn docs(mut self, docs: &'static str) -> Self {
        self.docs = docs;
        self
    }

    /// Sets the methods.
    #[must_use]
    pub const fn methods(mut self, methods: &'static [&'static MethodSpec]) -> Self {
        self.methods = methods;
        self
    }
}

/// The description of a method: one declaration that the server, the client and tools all read.
///
/// # Example
///
/// ```
/// use rpc::{Effect, MethodSpec, ParamSpec};
///
/// static GET: &MethodSpec = &MethodSpec::new("user.get").params(&[ParamSpec::new("id")]).readonly();
/// assert_eq!(GET.effect, Effect::None);
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct MethodSpec {
    /// The name on the wire, namespace included.
    pub name: Cow<'static, str>,
    /// Other names on the wire under which the server accepts the method, namespace included.
    pub aliases: &'static [&'static str],
    /// The parameters, in order. Empty with `whole_params`.
    pub params: &'static [ParamSpec],
    /// Whether the method takes all params as one value. The type of that value decides which members exist.
    pub whole_params: bool,
    /// The documentation, or empty.
    pub docs: &'static str,
    /// The kind of exchange.
    pub kind: MethodKind,
    /// The effect of repeated calls.
    pub effect: Effect,
    /// The total time limit of a call without a deadline of its own, for the client and for the server.
    pub timeout: Option<Duration>,
    /// Whether the method is deprecated.
    pub deprecated: bool,
    /// Whether the server ignores unknown parameters.
    pub lenient: bool,
    /// Whether clients send params as an array. By default, they send them by name.
    pub positional: bool,
    /// Whether the server runs the method's notifications on one session in the order in which they came, together with
    /// those of all its other ordered methods.
    pub ordered: bool,
    /// The requirement on the caller: none, any principal (an empty list), or a principal with all of these roles.
    pub requires: Option<&'static [&'static str]>,
    /// The errors that the method declares.
    pub errors: &'static ErrorSet,
    /// The types of params and result, if the service has `openrpc`.
    #[cfg(feature = "openrpc")]
    pub(crate) openrpc: Option<&'static crate::openrpc::MethodTypes>,
}

impl MethodSpec {
    /// Makes the description of a method without params that may have an effect and declares no errors.
    pub const fn new(name: &'static str) -> Self {
        Self::with_name(Cow::Borrowed(name))
    }

    /// Makes the description of a method with a name that is known only at run time.
    pub const fn with_name(name: Cow<'static, str>) -> Self {
        const NO_ERRORS: &ErrorSet = &ErrorSet::new(&[]);
        Self {
            name,
            aliases: &[],
            params: &[],
            whole_params: false,
            docs: "",
            kind: MethodKind::Call,
            effect: Effect::Once,
            timeout: None,
            deprecated: false,
            lenient: false,
            positional: false,
            ordered: false,
            requires: None,
            errors: NO_ERRORS,
            #[cfg(feature = "openrpc")]
            openrpc: None,
        }
    }

    /// Sets the aliases.
    #[must_use]
    pub const fn aliases(mut self, aliases: &'static [&'static str]) -> Self {
        self.aliases = aliases;
        self
    }

    /// Sets the parameters.
    #[must_use]
    pub const fn params(mut self, params: &'static [ParamSpec]) -> Self {
        self.params = params;
        self
    }

    /// Declares that the method takes all params as one value.
    #[must_use]
    pub const fn whole_params(mut self) -> Self {
        self.whole_params = true;
        self
    }

    /// Sets the documentation.
    #[must_use]
    pub const fn docs(mut self, docs: &'static str) -> Self {
        self.docs = docs;
        self
    }

    /// Declares that the method has no effect.
    #[must_use]
    pub const fn readonly(mut self) -> Self {
        self.effect = Effect::None;
        self
    }

    /// Declares that the method answers with a stream. It then has no effect.
    #[must_use]
    pub const fn stream(mut self, stream: StreamSpec) -> Self {
        self.kind = MethodKind::Stream(stream);
        self.effect = Effect::None;
        self
    }

    /// Declares that running the method twice has the same effect as running it once.
    #[must_use]
    pub const fn idempotent(mut self) -> Self {
        self.effect = Effect::Idempotent;
        self
    }

    /// Sets the default total time limit of a call, in milliseconds.
    #[must_use]
    pub const fn timeout_ms(mut self, timeout: u64) -> Self {
        self.timeout = Some(Duration::from_millis(timeout));
        self
    }

    /// Declares that the method is deprecated.
    #[must_use]
    pub const fn deprecated(mut self) -> Self {
        self.deprecated = true;
        self
    }

    /// Makes the server ignore unknown parameters.
    #[must_use]
    pub const fn lenient(mut self) -> Self {
        self.lenient = true;
        self
    }

    /// Makes clients send params as an array.
    #[must_use]
    pub const fn positional(mut self) -> Self {
        self.positional = true;
        self
    }

    /// Makes the server run the method's notifications one after another, in the order in which they came on their
    /// session.
    #[must_use]
    pub const fn ordered(mut self) -> Self {
        self.ordered = true;
        self
    }

    /// Requires an authenticated caller with all of these roles.
    #[must_use]
    pub const fn requires(mut self, roles: &'static [&'static str]) -> Self {
        self.requires = Some(roles);
        self
    }

    /// Sets the errors that the method declares.
    #[must_use]
    pub const fn errors(mut self, errors: &'static ErrorSet) -> Self {
        self.errors = errors;
        self
    }

    #[doc(hidden)]
    #[cfg(feature = "openrpc")]
    #[must_use]
    pub const fn openrpc(mut self, types: &'static crate::openrpc::MethodTypes) -> Self {
        self.openrpc = Some(types);
        self
    }
}

/// The kind of exchange of a method.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum MethodKind {
    /// One request, one answer.
    #[default]
    Call,
    /// One request, any number of items, and at last one answer.
    Stream(StreamSpec),
}

/// The effect of repeated calls of a method.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Effect {
    /// `readonly`: the method changes nothing. Calls may be repeated, dropped half-way and cached.
    None,
    /// `idempotent`: calls may be repeated, but must not be dropped half-way.
    Idempotent,
    /// Neither: a call must run at most once.
    #[default]
    Once,
}

/// The description of a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ParamSpec {
    /// The name on the wire.
    pub name: &'static str,
    /// Whether the parameter may be left out.
    pub optional: bool,
    /// The documentation, or empty.
    pub docs: &'static str,
}

impl ParamSpec {
    /// Makes the description of a required parameter.
    pub const fn new(name: &'static str) -> Self {
        Self { name, optional: false, docs: "" }
    }

    /// Sets the documentation.
    #[must_use]
    pub const fn docs(mut self, docs: &'static str) -> Self {
        self.docs = docs;
        self
    }

    /// Declares that the parameter may be left out.
    #[must_use]
    pub const fn optional(mut self) -> Self {
        self.optional = true;
        self
    }
}

/// A pointer to a method's description: static if it comes from a trait, shared if it was made at run time.
#[derive(Clone, Debug)]
pub struct MethodRef(MethodRefRepr);

#[derive(Clone, Debug)]
enum MethodRefRepr {
    Static(&'static MethodSpec),
    Shared(Arc<MethodSpec>),
}

impl Deref for MethodRef {
    type Target = MethodSpec;

    fn deref(&self) -> &MethodSpec {
        match &self.0 {
            MethodRefRepr::Static(spec) => spec,
            MethodRefRepr::Shared(spec) => spec,
        }
    }
}

impl From<&'static MethodSpec> for MethodRef {
    fn from(spec: &'static MethodSpec) -> Self {
        Self(MethodRefRepr::Static(spec))
    }
}

impl From<MethodSpec> for MethodRef {
    fn from(spec: MethodSpec) -> Self {
        Self(MethodRefRepr::Shared(Arc::new(spec)))
    }
}

/// Distinguishes a `Result`, even behind an alias, from any other return type. A macro sees only the name.
///
/// The inherent constant exists only for `Result`, and takes precedence over [`PlainReturn`]'s.
#[doc(hidden)]
#[derive(Debug)]
pub struct ReturnGuard<T>(PhantomData<T>);

impl<T, E> ReturnGuard<Result<T, E>> {
    #[allow(dead_code, missing_docs)]
    pub const KIND: AliasOfResult = AliasOfResult;
}

#[doc(hidden)]
pub trait PlainReturn {
    const KIND: PlainValue = PlainValue;
}

impl<T> PlainReturn for ReturnGuard<T> {}

#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
pub struct AliasOfResult;

#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
pub struct PlainValue;

/// Rejects an alias of `Result` as a return type: callers would get its errors as results.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "a return type that is a `Result` must be called `Result`",
    label = "this is `{T}` under another name, which the macro cannot know",
    note = "write `Result<T, E>`, or call the alias `Result`: its errors would travel as values otherwise"
)]
pub trait NoAlias<T>: Copy {}

#[diagnostic::do_not_recommend]
impl<T> NoAlias<T> for PlainValue {}

#[doc(hidden)]
pub const fn refuse_alias<T, K: NoAlias<T>>(_: K) {}

/// Provides the types of a `Result`, if the macro sees only the name of an alias.
#[doc(hidden)]
pub trait ResultParts {
    type Ok;
    type Err;
}

impl<T, E> ResultParts for Result<T, E> {
    type Ok = T;
    type Err = E;
}

//! Descriptions of services and methods, as constants. `#[rpc::service]` writes them; server, client and OpenRPC read
//! them. The guards at the end turn mistakes in a trait into compile errors.

use std::borrow::Cow;
use std::marker::PhantomData;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use crate::ErrorSet;

/// Gives the description that a service trait left behind.
///
/// Implemented by what `#[rpc::service]` generates, for the server's half and the client's.
pub trait Describe {
    /// The service's description.
    const SPEC: &'static ServiceSpec;
}

/// Describes a service: what `#[rpc::service]` read from the trait.
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
    /// Describes a service without methods.
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

/// Describes a method: one declaration that the server, the client and tools all read.
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
    /// Other names on the wire under which the server takes the method, namespace included.
    pub aliases: &'static [&'static str],
    /// The parameters, in order. There are none here where one value is all params.
    pub params: &'static [ParamSpec],
    /// Whether one value is all params, whose type then says which members there are.
    pub whole_params: bool,
    /// The documentation, or empty.
    pub docs: &'static str,
    /// What kind of exchange the method is.
    pub kind: MethodKind,
    /// What repeating a call of the method means.
    pub effect: Effect,
    /// The total time of a call that has no deadline of its own, for the client and for the server.
    pub timeout: Option<Duration>,
    /// Whether the method is deprecated.
    pub deprecated: bool,
    /// Whether the server ignores parameters that it does not know.
    pub lenient: bool,
    /// Whether clients send params as an array; by default they are sent by name.
    pub positional: bool,
    /// What the caller must be: nothing, any principal (an empty list), or one that has all of these roles.
    pub requires: Option<&'static [&'static str]>,
    /// The errors that the method declares.
    pub errors: &'static ErrorSet,
    /// The types of params and result, where the service says `openrpc`.
    #[cfg(feature = "openrpc")]
    pub(crate) openrpc: Option<&'static crate::openrpc::MethodTypes>,
}

impl MethodSpec {
    /// Describes a method without params that may have an effect and cannot fail by itself.
    pub const fn new(name: &'static str) -> Self {
        Self::with_name(Cow::Borrowed(name))
    }

    /// Describes a method whose name is known only at run time.
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

    /// Says that one value is all params.
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

    /// Says that the method has no effect.
    #[must_use]
    pub const fn readonly(mut self) -> Self {
        self.effect = Effect::None;
        self
    }

    /// Says that running the method twice does what running it once does.
    #[must_use]
    pub const fn idempotent(mut self) -> Self {
        self.effect = Effect::Idempotent;
        self
    }

    /// Sets the total time that a call may take by default, in milliseconds.
    #[must_use]
    pub const fn timeout_ms(mut self, timeout: u64) -> Self {
        self.timeout = Some(Duration::from_millis(timeout));
        self
    }

    /// Says that the method is deprecated.
    #[must_use]
    pub const fn deprecated(mut self) -> Self {
        self.deprecated = true;
        self
    }

    /// Says that the server ignores parameters that it does not know.
    #[must_use]
    pub const fn lenient(mut self) -> Self {
        self.lenient = true;
        self
    }

    /// Says that clients send params as an array.
    #[must_use]
    pub const fn positional(mut self) -> Self {
        self.positional = true;
        self
    }

    /// Says that callers must be known and have all of these roles.
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

/// Says what kind of exchange a method is. Streams will be another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum MethodKind {
    /// One request, one answer.
    #[default]
    Call,
}

/// Says what repeating a call means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Effect {
    /// `readonly`: the method changes nothing. Calls may be repeated, dropped half-way and cached.
    None,
    /// `idempotent`: calls may be repeated, but not abandoned.
    Idempotent,
    /// Neither: a call must run at most once.
    #[default]
    Once,
}

/// Describes a parameter.
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
    /// Describes a parameter that must be given.
    pub const fn new(name: &'static str) -> Self {
        Self { name, optional: false, docs: "" }
    }

    /// Sets the documentation.
    #[must_use]
    pub const fn docs(mut self, docs: &'static str) -> Self {
        self.docs = docs;
        self
    }

    /// Says that the parameter may be left out.
    #[must_use]
    pub const fn optional(mut self) -> Self {
        self.optional = true;
        self
    }
}

/// Points at a method's description: static where a trait left it behind, shared where it was made at run time.
#[derive(Clone, Debug)]
pub struct MethodRef(Repr);

#[derive(Clone, Debug)]
enum Repr {
    Static(&'static MethodSpec),
    Shared(Arc<MethodSpec>),
}

impl Deref for MethodRef {
    type Target = MethodSpec;

    fn deref(&self) -> &MethodSpec {
        match &self.0 {
            Repr::Static(spec) => spec,
            Repr::Shared(spec) => spec,
        }
    }
}

impl From<&'static MethodSpec> for MethodRef {
    fn from(spec: &'static MethodSpec) -> Self {
        Self(Repr::Static(spec))
    }
}

impl From<MethodSpec> for MethodRef {
    fn from(spec: MethodSpec) -> Self {
        Self(Repr::Shared(Arc::new(spec)))
    }
}

/// Tells a `Result`, under whatever name, from any other return type: a macro sees only the name.
///
/// The inherent constant exists only for `Result` and wins over [`PlainReturn`]'s.
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

/// Refuses an alias of `Result` as a return type: its errors would reach callers as results.
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

/// Takes a `Result` apart, where the macro sees only the name of an alias.
#[doc(hidden)]
pub trait ResultParts {
    type Ok;
    type Err;
}

impl<T, E> ResultParts for Result<T, E> {
    type Ok = T;
    type Err = E;
}

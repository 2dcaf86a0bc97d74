//! The macro that makes structs of settings: fields with docs and defaults, and one setter for each. Server, client and
//! this crate use it.

/// Makes a struct of settings from its fields, each written once with its docs, unit and default.
///
/// ```
/// use std::time::Duration;
///
/// rpc_core::__private::settings! {
///     /// The settings of a pool.
///     #[derive(Clone, Debug)]
///     pub struct PoolSettings {
///         /// The number of connections. Default: 4.
///         pub connections: usize = 4,
///         /// How long a connection may be idle. Default: no limit.
///         pub idle_timeout: Option<Duration> = None,
///         /// The name of the pool in logs. Default: none.
///         name: Option<String> = None; no setter,
///     }
/// }
///
/// let settings = PoolSettings::default().connections(8).idle_timeout(Duration::from_secs(60));
/// assert_eq!((settings.connections, settings.name), (8, None));
/// ```
///
/// - The struct is `#[non_exhaustive]`, and its `Default` has the defaults.
/// - Each field has a setter with its name, visibility and docs, which takes and returns the struct. The setter of an
///   `Option<T>` takes a `T` or an `Option<T>`. The setter of a `String` takes any type that converts into one.
/// - `; no setter` after a default omits the setter. Write one by hand if it checks or converts the value.
/// - A field's type is a name, with or without type arguments. Paths and lifetimes need a `use` or a `type`.
/// - `struct Name, set by name_setters! { .. }` puts the setters into the macro `name_setters!`. The macro adds them to
///   the struct, `name_setters!(Name);`, and to a builder that holds it, `name_setters!(Builder.settings.name);`.
#[doc(hidden)]
#[macro_export]
macro_rules! __rpc_settings {
    ($(#[$attr:meta])* $vis:vis struct $Name:ident $(, set by $setters:ident!)? { $(
        $(#[$doc:meta])* $field_vis:vis $field:ident:
            $Type:ident $(<$($Arg:ty),+>)? = $default:expr $(; $no:ident setter)?
    ),* $(,)? }) => {
        $(#[$attr])*
        #[non_exhaustive]
        $vis struct $Name { $($(#[$doc])* $field_vis $field: $Type $(<$($Arg),+>)?,)* }

        impl ::core::default::Default for $Name {
            #[allow(unused_doc_comments)]
            fn default() -> Self {
                Self { $($(#[$doc])* $field: $default,)* }
            }
        }

        $crate::__rpc_settings! { @setters ($) $Name $(, $setters)?
            $([$(#[$doc])* $field_vis $field: $Type $(<$($Arg),+>)? $(; $no)?])*
        }
    };

    (@setters ($d:tt) $Name:ident $([$($setter:tt)*])*) => {
        impl $Name { $($crate::__rpc_settings! { @set () [$($setter)*] })* }
    };
    // A macro cannot write a dollar, so the first rule passes one in.
    (@setters ($d:tt) $Name:ident, $setters:ident $([$($setter:tt)*])*) => {
        macro_rules! $setters {
            ($d Builder:ident $d (. $d at:ident)*) => {
                impl $d Builder { $($crate::__rpc_settings! { @set ($d (. $d at)*) [$($setter)*] })* }
            };
        }
        #[allow(unused_imports)]
        pub(crate) use $setters;
    };

    (@set $at:tt [$(#[$doc:meta])* $vis:vis $field:ident: $Type:ident $(<$($Arg:ty),+>)?; no]) => {};
    (@set $at:tt [$(#[$doc:meta])* $vis:vis $field:ident: Option<$Value:ty>]) => {
        $crate::__rpc_settings! { @fn $at [$(#[$doc])* $vis $field] (impl Into<Option<$Value>>) (.into()) }
    };
    (@set $at:tt [$(#[$doc:meta])* $vis:vis $field:ident: String]) => {
        $crate::__rpc_settings! { @fn $at [$(#[$doc])* $vis $field] (impl Into<String>) (.into()) }
    };
    (@set $at:tt [$(#[$doc:meta])* $vis:vis $field:ident: $Type:ident $(<$($Arg:ty),+>)?]) => {
        $crate::__rpc_settings! { @fn $at [$(#[$doc])* $vis $field] ($Type $(<$($Arg),+>)?) () }
    };
    (@fn ($($at:tt)*) [$(#[$doc:meta])* $vis:vis $field:ident] ($($Taken:tt)+) ($($into:tt)*)) => {
        #[doc = concat!("Sets `", stringify!($field), "`.")]
        #[doc = ""]
        $(#[$doc])*
        #[must_use]
        $vis fn $field(mut self, value: $($Taken)+) -> Self {
            self $($at)* .$field = value $($into)*;
            self
        }
    };
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use crate::__private::settings;

    settings! {
        /// One field of each kind.
        #[derive(Clone, Debug, PartialEq)]
        pub(crate) struct OwnSettings {
            /// The count. Default: 3.
            pub(crate) count: usize = 3,
            /// How long to wait. Default: 1 s.
            pub(crate) wait: Option<Duration> = Some(Duration::from_secs(1)),
            /// The name. Default: `own`.
            pub(crate) name: String = "own".to_owned(),
            /// The parts of the path. Default: none.
            pub(crate) path: Vec<Vec<u8>> = Vec::new(),
            /// Whether it was checked. Default: false.
            checked: bool = false; no setter,
        }
    }

    impl OwnSettings {
        fn checked(self, value: &str) -> Self {
            Self { checked: value == "yes", ..self }
        }
    }

    settings! {
        #[derive(Debug, PartialEq)]
        pub(crate) struct NestedSettings, set by inner_setters! {
            /// How long connecting may take. Default: 1 s.
            pub(crate) connect_timeout: Duration = Duration::from_secs(1),
            /// How long to wait. Default: no limit.
            pub(crate) wait: Option<Duration> = None,
            /// Whether it is ready. Default: true.
            ready: bool = true; no setter,
        }
    }

    #[derive(Debug, Default)]
    struct SettingsWithNested {
        inner: NestedSettings,
    }

    #[derive(Debug, Default)]
    struct Builder {
        outer: SettingsWithNested,
    }

    inner_setters!(Builder.outer.inner);
    inner_setters!(NestedSettings);

    #[test]
    fn defaults_are_those_of_the_fields() {
        let expected = OwnSettings {
            count: 3,
            wait: Some(Duration::from_secs(1)),
            name: "own".into(),
            path: Vec::new(),
            checked: false,
        };
        assert_eq!(OwnSettings::default(), expected);
    }

    #[test]
    fn each_setter_sets_its_field() {
        let own = OwnSettings::default().count(7).name("mine").path(vec![vec![1]]).checked("yes");
        assert_eq!((own.count, &*own.name, own.path, own.checked), (7, "mine", vec![vec![1]], true));
    }

    #[test]
    fn optional_field_takes_a_value_or_none() {
        assert_eq!(OwnSettings::default().wait(Duration::ZERO).wait, Some(Duration::ZERO));
        assert_eq!(OwnSettings::default().wait(None).wait, None);
        assert_eq!(OwnSettings::default().wait(Some(Duration::ZERO)).wait, Some(Duration::ZERO));
    }

    #[test]
    fn builder_sets_the_fields_of_what_it_holds() {
        let builder = Builder::default().connect_timeout(Duration::from_secs(5)).wait(Duration::from_secs(2));
        let expected =
            NestedSettings { connect_timeout: Duration::from_secs(5), wait: Some(Duration::from_secs(2)), ready: true };
        assert_eq!(builder.outer.inner, expected);
        assert_eq!(
            NestedSettings::default().connect_timeout(Duration::from_secs(5)).wait(Duration::from_secs(2)),
            expected
        );
    }
}

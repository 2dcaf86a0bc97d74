//! [`Rule`]: the rules by which two descriptions are compared. docs/compatibility.md has the same table, and a test
//! compares the two.

use std::fmt;

/// How a change affects old clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Level {
    /// Calls of old clients fail, or old clients fail to decode the answer.
    Wire,
    /// Old clients work. Code that is generated from the new document may not compile without changes.
    Source,
    /// Old clients' calls are valid, but what the server does with them changes. Only the framework's extensions of
    /// OpenRPC, and defaults, tell this.
    Behaviour,
    /// Old clients work as before.
    Compatible,
}

impl Level {
    /// Returns the name, such as `wire`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Wire => "wire",
            Self::Source => "source",
            Self::Behaviour => "behaviour",
            Self::Compatible => "compatible",
        }
    }

    /// Returns whether the change may break someone: all levels but [`Compatible`](Self::Compatible).
    pub const fn is_breaking(self) -> bool {
        !matches!(self, Self::Compatible)
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Display for Rule {
    /// Writes the id.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.id())
    }
}

/// Makes [`Rule`] from the rows of the table.
macro_rules! rules {
    ($($name:ident $id:literal $level:ident: $meaning:literal, $before:literal => $after:literal;)+) => {
        /// A rule by which two descriptions of a service are compared.
        ///
        /// Ids never change. New versions may add rules.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Rule {
            $(
                #[doc = concat!("`", $id, "`: ", $meaning)]
                $name,
            )+
        }

        impl Rule {
            /// All rules, the breaking ones first.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// Returns the id in kebab case, such as `method-removed`.
            pub const fn id(self) -> &'static str {
                match self { $(Self::$name => $id,)+ }
            }

            /// Returns how a change of this kind affects old clients.
            pub const fn level(self) -> Level {
                match self { $(Self::$name => Level::$level,)+ }
            }

            /// Returns what a change of this kind means for an old client, as a sentence.
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$name => $meaning,)+ }
            }

            /// Returns an example: the old and the new form, in Markdown.
            pub const fn example(self) -> (&'static str, &'static str) {
                match self { $(Self::$name => ($before, $after),)+ }
            }
        }
    };
}

rules! {
    MethodRemoved "method-removed" Wire: "The server answers its calls with -32601.",
        "`user.get`" => "no method";
    AliasRemoved "alias-removed" Wire: "Its calls under the old name get -32601.",
        "alias `user.fetch`" => "no alias";
    ParamsShapeChanged "params-shape-changed" Wire: "Its params may have a form that the server rejects.",
        "all params as one value" => "`id`, `name`";
    ParamStructureNarrowed "param-structure-narrowed" Wire:
        "The server rejects its params if they go by name, or by position.",
        "`either`" => "`by-name`";
    ParamAddedRequired "param-added-required" Wire: "It does not send the parameter, so the server rejects its calls.",
        "`(id)`" => "`(id, region)`";
    ParamRemoved "param-removed" Wire: "The server rejects the parameter, unless the service is lenient.",
        "`(id, depth)`" => "`(id)`";
    ParamRenamed "param-renamed" Wire: "It sends the parameter under a name that the server rejects.",
        "`(id)`" => "`(user_id)`";
    ParamMoved "param-moved" Wire: "If it sends params by position, the server takes one for another.",
        "`(id, depth)`" => "`(depth, id)`";
    ParamBecameRequired "param-became-required" Wire: "The server rejects its calls without the parameter.",
        "`depth`: optional" => "`depth`: required";
    ParamTypeNarrowed "param-type-narrowed" Wire: "The server rejects values of a type that it sends.",
        "`number`" => "`integer`";
    ParamNotNullable "param-not-nullable" Wire: "The server rejects `null`.",
        "`string` or `null`" => "`string`";
    ParamEnumValueRemoved "param-enum-value-removed" Wire: "The server rejects a value that it may send.",
        "`\"asc\"`, `\"desc\"`" => "`\"asc\"`";
    ParamVariantRemoved "param-variant-removed" Wire: "The server rejects one of the alternatives.",
        "`Card` or `Cash`" => "`Card`";
    ParamRangeNarrowed "param-range-narrowed" Wire: "The server rejects values outside of the new limits.",
        "`uint64`" => "`maximum: 100`";
    ParamFormatNarrowed "param-format-narrowed" Wire: "The server rejects values without the new format or pattern.",
        "`string`" => "`format: \"uuid\"`";
    ParamPropertyRequired "param-property-required" Wire: "The server rejects objects without the property.",
        "`{name?}`" => "`{name}`";
    ParamPropertyRemoved "param-property-removed" Wire: "The server rejects objects with the property.",
        "`{name, note}`" => "`{name}`, no others";
    ParamIncomparable "param-incomparable" Wire:
        "The server may reject its params. The schemas cannot be compared further.",
        "`not: A`" => "`not: B`";
    ResultRemoved "result-removed" Wire: "It gets no answer, since the method is a notification now.",
        "a result" => "no result";
    ResultTypeChanged "result-type-changed" Wire: "It fails to decode values of the new type.",
        "`integer`" => "`string`";
    ResultNullable "result-nullable" Wire: "It fails to decode `null`.",
        "`string`" => "`string` or `null`";
    ResultEnumValueAdded "result-enum-value-added" Wire: "It fails to decode the new value.",
        "`\"open\"`" => "`\"open\"`, `\"paid\"`";
    ResultVariantAdded "result-variant-added" Wire: "It fails to decode the new alternative.",
        "`Card`" => "`Card` or `Cash`";
    ResultRangeWidened "result-range-widened" Wire: "It fails to decode values outside of the old limits.",
        "`uint8`" => "`uint32`";
    ResultFormatChanged "result-format-changed" Wire: "It fails to decode values without the old format or pattern.",
        "`format: \"uuid\"`" => "`string`";
    ResultPropertyRemoved "result-property-removed" Wire: "It fails to decode objects without the property.",
        "`{id, name}`" => "`{id}`";
    ResultPropertyOptional "result-property-optional" Wire: "It fails to decode objects without the property.",
        "`{name}`" => "`{name?}`";
    ResultIncomparable "result-incomparable" Wire:
        "It may fail to decode the result. The schemas cannot be compared further.",
        "`pattern: \"^a\"` of keys" => "other keys";
    MethodBecameStream "method-became-stream" Wire: "The server rejects its calls, since it does not accept a stream.",
        "a result" => "a stream";
    MethodNoLongerStream "method-no-longer-stream" Wire: "It gets a result instead of a stream.",
        "a stream" => "a result";
    ResumeRemoved "resume-removed" Wire: "It fails to resume the stream after a cut.",
        "`resume`" => "no `resume`";
    SubscriptionRemoved "subscription-removed" Wire: "Its calls of the older subscription form fail.",
        "`eth_subscribe(\"newHeads\")`" => "no `subscribe`";
    ErrorDataChanged "error-data-changed" Wire: "It gets an undeclared error, since it fails to decode the data.",
        "`{id}`" => "no data";
    ReferenceUnresolved "reference-unresolved" Wire:
        "Its calls may fail. The reference of a method, parameter, result or error leads to nothing.",
        "`user.get`" => "`$ref: \"x.json#/get\"`";
    MethodRenamed "method-renamed" Source: "It calls the method by the old name, which is an alias now.",
        "`user.get`" => "`user.find`, alias `user.get`";
    PositionalParamRenamed "positional-param-renamed" Source: "Nothing, since params go by position.",
        "`[id]`" => "`[user_id]`";
    NamedParamMoved "named-param-moved" Source: "Nothing, since params go by name. The order of arguments changes.",
        "`{id, depth}`" => "`{depth, id}`";
    ParamOptionalPropertyRemoved "param-optional-property-removed" Source:
        "The server ignores the property that it sends.",
        "`{name, note?}`" => "`{name}`";
    ResultAdded "result-added" Source: "It sends notifications, and so gets no answer.",
        "no result" => "a result";
    ResultOptionalPropertyRemoved "result-optional-property-removed" Source: "It never gets the property.",
        "`{id, name?}`" => "`{id}`";
    ResultPropertyNotAllowed "result-property-not-allowed" Source:
        "It gets a property that the old schema excludes. JSON clients ignore it.",
        "`{id}`, no others" => "`{id, name}`";
    ErrorRemoved "error-removed" Source: "It never gets the error.",
        "error 1001" => "no error";
    ErrorNameChanged "error-name-changed" Source: "Nothing, since errors go by code. Types have the new name.",
        "1001 `NotFound`" => "1001 `Unknown`";
    OthersNoLongerTaken "others-no-longer-taken" Source: "It never gets undeclared errors from the handler.",
        "`x-other-errors`" => "declared errors only";
    SchemaRenamed "schema-renamed" Source: "Nothing. Types that are generated have the new name.",
        "`User`" => "`Account`";
    SchemaRemoved "schema-removed" Source: "Nothing. A type is no longer generated.",
        "`User`" => "no schema";
    EffectWeakened "effect-weakened" Behaviour: "It still retries calls, which may now have an effect each time.",
        "`readonly`" => "`idempotent`";
    RoleAdded "role-added" Behaviour: "The server denies its calls without credentials, or without a role.",
        "no role" => "role `admin`";
    RoleNoLongerAccepted "role-no-longer-accepted" Behaviour: "The server denies the calls of callers with this role.",
        "`admin` or `auditor`" => "`admin`";
    TimeoutShortened "timeout-shortened" Behaviour: "Its calls time out earlier.",
        "10 s" => "2 s";
    ErrorNoLongerRetryable "error-no-longer-retryable" Behaviour: "It still retries calls that fail with this error.",
        "retryable" => "not retryable";
    ParamDefaultChanged "param-default-changed" Behaviour: "Its calls without the value mean something else.",
        "`depth = 2`" => "`depth = 3`";
    LagChanged "lag-changed" Behaviour: "If it reads too late, other items are lost, or the stream ends.",
        "`wait`" => "`latest`";
    MethodAdded "method-added" Compatible: "It does not call the method.",
        "no method" => "`user.get`";
    AliasAdded "alias-added" Compatible: "It does not use the name.",
        "no alias" => "alias `user.fetch`";
    ParamAddedOptional "param-added-optional" Compatible: "It does not send the parameter.",
        "`(id)`" => "`(id, depth?)`";
    ParamBecameOptional "param-became-optional" Compatible: "It sends the parameter.",
        "`id`: required" => "`id`: optional";
    ParamStructureWidened "param-structure-widened" Compatible: "It sends params as before.",
        "`by-name`" => "`either`";
    ParamPropertyAdded "param-property-added" Compatible: "It does not send the property.",
        "`{name}`" => "`{name, note?}`";
    ParamWidened "param-widened" Compatible: "All values that it sends are valid.",
        "`integer`" => "`number`";
    ResultPropertyAdded "result-property-added" Compatible: "It ignores the property.",
        "`{id}`" => "`{id, name}`";
    ResultNarrowed "result-narrowed" Compatible: "It decodes all values that it gets.",
        "`string` or `null`" => "`string`";
    ResumeAdded "resume-added" Compatible: "It does not resume the stream.",
        "no `resume`" => "`resume`";
    SubscriptionAdded "subscription-added" Compatible: "It does not use the older subscription form.",
        "no `subscribe`" => "`eth_subscribe(\"newHeads\")`";
    ErrorAdded "error-added" Compatible: "It gets the error as an undeclared one, with code and message.",
        "no error" => "error 1001";
    ErrorDataAdded "error-data-added" Compatible: "It ignores data that it does not know, or decodes it as before.",
        "no data" => "`{id}`";
    ErrorBecameRetryable "error-became-retryable" Compatible: "It does not retry calls that fail with this error.",
        "not retryable" => "retryable";
    OthersTaken "others-taken" Compatible: "It gets undeclared errors with code and message.",
        "declared errors only" => "`x-other-errors`";
    EffectStrengthened "effect-strengthened" Compatible: "It retries calls as rarely as before.",
        "`idempotent`" => "`readonly`";
    RoleAccepted "role-accepted" Compatible: "The server accepts more callers.",
        "`admin`" => "`admin` or `auditor`";
    TimeoutExtended "timeout-extended" Compatible: "Its calls may take longer.",
        "2 s" => "10 s";
    DeprecatedAdded "deprecated-added" Compatible: "It works. New clients are warned.",
        "`user.get`" => "deprecated";
    SchemaAdded "schema-added" Compatible: "It does not use the schema.",
        "no schema" => "`User`";
    DocsChanged "docs-changed" Compatible: "Only texts, names without a meaning on the wire, or extensions differ.",
        "\"Finds users.\"" => "\"Looks users up.\"";
}

mod streams;

use quote::quote;

use super::{expand, expand_where, expand_with};
use crate::diagnostics::Diagnostics;
use crate::snapshot;

/// Expands a service and returns its errors.
fn errors(args: &str, input: &str) -> Vec<String> {
    let mut diagnostics = Diagnostics::default();
    expand_with(args.parse().unwrap(), input.parse().unwrap(), &mut diagnostics);
    diagnostics.messages()
}

/// Expands a service with these methods and returns its errors.
fn errors_in(methods: &str) -> Vec<String> {
    errors("", &format!("trait Users {{ {methods} }}"))
}

/// Asserts that the methods have exactly one error, which contains the text.
#[track_caller]
fn assert_error(methods: &str, expected: &str) {
    let errors = errors_in(methods);
    assert!(matches!(&errors[..], [error] if error.contains(expected)), "{methods}: {errors:#?}");
}

#[test]
fn a_service_becomes_a_contract_its_descriptions_a_server_and_a_client() {
    let expansion = expand(
        quote!(namespace = "user"),
        quote! {
            /// User accounts.
            pub trait Users {
                /// Looks a user up by id.
                #[rpc(readonly)]
                async fn get(&self, id: u64) -> Result<User, UserError>;

                async fn create(&self, name: String, email: String) -> Result<User, UserError>;

                #[rpc(readonly, timeout = "2s")]
                async fn list(&self, #[rpc(default = 10)] limit: u32, #[rpc(default)] offset: u32) -> Vec<User>;

                #[rpc(idempotent, ordered, name = "seen", alias = "viewed")]
                async fn mark_seen(&self, #[rpc(context)] cx: &rpc::Context, #[rpc(name = "userId")] id: u64);

                #[deprecated]
                #[cfg(feature = "count")]
                fn count(&self, filter: Option<String>, #[rpc(context)] cx: &rpc::Context) -> io::Result<u64>;
            }
        },
    );
    snapshot::assert_matches("service.rs", expansion);
}

#[test]
fn arguments_of_the_service_reach_its_descriptions() {
    let expansion = expand(
        quote!(
            namespace = "net",
            separator = "_",
            rename_all = "camelCase",
            lenient,
            params = "positional",
            crate = crate::reexported::rpc
        ),
        quote! {
            trait Network: fmt::Debug {
                /// Calls the chain's id.
                #[rpc(readonly)]
                fn chain_id(&self) -> (u64, u64);

                async fn new(&self, r#type: u8, gas_limit: u64) {
                    drop((r#type, gas_limit));
                }
            }
        },
    );
    snapshot::assert_matches("service_arguments.rs", expansion);
}

#[test]
fn whole_params_blocking_methods_and_types_reach_both_halves() {
    let expansion = expand(
        quote!(openrpc),
        quote! {
            trait Users {
                #[rpc(params, readonly)]
                async fn list(&self, page: Page, #[rpc(context)] cx: &rpc::Context) -> Vec<User>;
                #[rpc(blocking)]
                fn hash(
                    &self,
                    /// What is hashed.
                    text: String,
                    #[rpc(default = 12)] rounds: u8,
                    #[rpc(default)] salt: Option<String>,
                );
            }
        },
    );
    snapshot::assert_matches("service_openrpc.rs", expansion);
}

#[test]
fn one_parameter_can_be_all_params() {
    assert_eq!(errors_in("#[rpc(params)] fn f(&self, page: Page, #[rpc(context)] cx: &Context);"), [""; 0]);
    for (method, expected) in [
        ("#[rpc(params)] fn f(&self);", "`params` makes the one parameter of a method all params, and `f` has none"),
        ("#[rpc(params)] fn f(&self, a: A, b: B);", "and `f` has 2, which a struct could hold"),
        ("#[rpc(params)] fn f(&self, (a, b): (A, B));", "must be a plain name"),
        (r#"#[rpc(params)] fn f(&self, #[rpc(name = "x")] a: A);"#, "what is all params has no `name`"),
        ("#[rpc(params)] fn f(&self, #[rpc(default)] a: A);", "what is all params has no `default`"),
        (r#"#[rpc(params = "positional")] fn f(&self, a: A);"#, "`params` takes no value"),
    ] {
        assert_error(method, expected);
    }
}

#[test]
fn what_is_async_does_not_block() {
    assert_eq!(errors_in("#[rpc(blocking, readonly)] fn f(&self);"), [""; 0]);
    assert_error("#[rpc(blocking)] async fn f(&self);", "`blocking` is for methods that are not `async`: write `fn f`");
}

#[test]
fn any_method_but_a_stream_can_be_ordered() {
    for key in ["ordered", "ordered, readonly", "ordered, idempotent", "ordered, requires"] {
        assert_eq!(errors_in(&format!("#[rpc({key})] async fn f(&self);")), [""; 0]);
    }
    assert_eq!(errors_in("#[rpc(ordered, blocking)] fn f(&self);"), [""; 0]);
    assert_error("#[rpc(ordered = true)] async fn f(&self);", "`ordered` takes no value");
}

#[test]
fn levels_of_lints_reach_both_halves() {
    let expansion = expand(
        quote!(),
        quote! {
            #[expect(private_interfaces, reason = "for tests")]
            #[forbid(unsafe_code)]
            #[must_use]
            pub trait Chain {
                #[allow(non_snake_case)]
                #[inline]
                async fn getBlock(&self, blockHash: Private) -> Private;
                #[warn(unused_qualifications)]
                #[deny(unused)]
                fn height(&self) -> u64;
            }
        },
    );
    snapshot::assert_matches("service_lints.rs", expansion);
}

#[test]
fn the_compiler_is_asked_for_each_condition_in_turn() {
    let input = quote! {
        pub trait Chain {
            #[cfg_attr(unix, deprecated, rpc(readonly), cfg_attr(feature = "node", doc = "Of a node."))]
            fn height(&self, #[cfg_attr(feature = "node", rpc(default = 7))] #[cfg_attr(unix, allow(unused))] at: u64);
        }
    };
    let question = expand(quote!(namespace = "chain"), input.clone());
    snapshot::assert_matches("service_where.rs", question);

    let second = expand_where(quote!(true, namespace = "chain"), input.clone()).to_string();
    assert!(second.contains("service_where (true , namespace = \"chain\")"), "{second}");
    assert!(second.contains("# [deprecated]"), "{second}");
    assert!(!second.contains("cfg_attr (unix"), "{second}");
    let without = expand_where(quote!(false,), input.clone()).to_string();
    assert!(!without.contains("deprecated"), "{without}");

    let asked = |tokens: &str| tokens.contains("service_where");
    assert!(!asked(
        &expand_where(
            quote!(false,),
            quote!(
                trait T {
                    #[cfg_attr(unix, inline)]
                    fn f(&self);
                }
            )
        )
        .to_string()
    ));
    assert!(asked(&expand_where(quote!(false,), input).to_string()));
}

#[test]
fn an_error_beside_a_condition_is_reported_once() {
    let input = quote!(
        trait T {
            #[cfg_attr(unix, rpc(readonly))]
            fn f(&self, #[rpc(what)] id: u64);
        }
    );
    let question = expand(quote!(wrong), input.clone()).to_string();
    assert!(!question.contains("compile_error"), "{question}");
    let answered = expand_where(quote!(true, wrong), input).to_string();
    assert_eq!(answered.matches("compile_error").count(), 2, "{answered}");
}

#[test]
fn what_is_sound_is_expanded_beside_the_error() {
    let expansion = expand(
        quote!(),
        quote! {
            trait Users {
                #[rpc(readonly)]
                async fn get(&self, id: u64) -> u64;
                #[rpc(idempotent)]
                async fn rename(&self, (id, name): (u64, String));
            }
        },
    );
    snapshot::assert_matches("service_error.rs", expansion);
}

#[test]
fn documentation_is_read_without_its_indentation() {
    let docs = |text: &str| {
        let item: syn::ItemStruct = syn::parse_str(&format!("{text}\nstruct S;")).unwrap();
        crate::attr::docs(&item.attrs)
    };
    assert_eq!(docs("/// One.\n///\n///   Two.\n///"), "One.\n\n  Two.");
    assert_eq!(docs("/** One. */"), "One.");
    assert_eq!(docs("/** One.\n\n      Two.\n    Three.\n */"), "One.\n\n  Two.\nThree.");
    assert_eq!(docs("/**\n    One.\n    Two.\n*/"), "One.\nTwo.");
    assert_eq!(docs("#[doc = \"One.\"]\n#[doc(hidden)]\n#[doc = concat!(\"T\", \"wo.\")]"), "One.");
}

#[test]
fn only_traits_are_services() {
    for item in ["struct Users;", "impl Users {}", "mod users {}", "fn users() {}"] {
        let errors = errors("", item);
        assert_eq!(errors, ["`#[rpc::service]` stands on a trait: the trait is the service's contract"]);
    }
}

#[test]
fn what_the_trait_cannot_be_is_refused() {
    for (item, expected) in [
        ("trait Users<T> {}", "cannot be generic"),
        ("trait Users<'a> {}", "cannot be generic"),
        ("trait Users where Self: Sized {}", "cannot have a where clause"),
        ("unsafe trait Users {}", "cannot be an unsafe trait"),
        ("auto trait Users {}", "cannot be an auto trait"),
        ("trait Users { type Item; }", "cannot have associated types"),
        ("trait Users { const N: u8; }", "cannot have associated constants"),
        ("trait Users { methods!(); }", "cannot have macros"),
    ] {
        let errors = errors("", item);
        assert!(matches!(&errors[..], [error] if error.contains(expected)), "{item}: {errors:#?}");
    }
}

#[test]
fn what_a_method_cannot_be_is_refused() {
    for (method, expected) in [
        ("fn f<T>(&self);", "cannot be generic"),
        ("fn f<const N: usize>(&self);", "cannot be generic"),
        ("fn f<'a>(&self);", "lifetime parameters"),
        ("fn f(&self) where u8: Copy;", "where clause"),
        ("const fn f(&self);", "cannot be `const`"),
        ("unsafe fn f(&self);", "must be safe"),
        (r#"extern "C" fn f(&self);"#, "cannot be `extern`"),
        ("fn f(&self, ...);", "cannot be variadic"),
        ("fn clone(&self);", "would hide `Clone`"),
        ("fn into(&self);", "would be hidden by `Into`"),
        ("fn try_into(&self);", "would be hidden by `TryInto`"),
        ("fn f();", "takes `&self`: `fn f(&self, ..)`"),
        ("fn f(id: u8);", "takes `&self`"),
        ("fn f(self);", "not `self`"),
        ("fn f(mut self) {}", "not `self`"),
        ("fn f(&mut self);", "not `&mut self`"),
        ("fn f(self: Arc<Self>);", "takes `&self`"),
        ("fn f(&'static self);", "without a lifetime"),
        (r#"fn f(#[rpc(name = "x")] &self);"#, "takes no `#[rpc(..)]`"),
    ] {
        assert_error(method, expected);
    }
}

#[test]
fn what_a_method_cannot_return_is_refused() {
    for (method, expected) in [
        ("fn f(&self) -> &str;", "cannot return a reference: the answer travels; use `String`"),
        ("fn f(&self) -> Result<&[u8], E>;", "use `Vec<u8>`"),
        ("fn f(&self) -> Cow<'_, str>;", "cannot return borrowed data"),
        ("fn f(&self) -> impl Future<Output = u8>;", "write `async fn`"),
        ("fn f(&self) -> impl std::future::Future<Output = u8> + Send;", "write `async fn`"),
        ("fn f(&self) -> impl Display;", "cannot return `impl Trait`"),
        ("fn f(&self) -> Vec<impl Display>;", "cannot return `impl Trait`"),
        ("fn f(&self) -> !;", "must return"),
        ("fn f(&self) -> Option<Self>;", "cannot mention `Self`"),
    ] {
        assert_error(method, expected);
    }
}

#[test]
fn what_a_parameter_cannot_be_is_refused() {
    for (method, expected) in [
        ("fn f(&self, (a, b): (u8, u8));", "must be a plain name"),
        ("fn f(&self, User { id }: User);", "must be a plain name"),
        ("fn f(&self, mut id: u8);", "write `id` alone here"),
        ("fn f(&self, _: u8);", "needs a name"),
        ("fn f(&self, name: &str);", "cannot be a reference: it travels; use `String`"),
        ("fn f(&self, users: &[User]);", "use `Vec<User>`"),
        ("fn f(&self, user: &mut User<u8>);", "use `User<u8>`"),
        ("fn f(&self, name: Option<&str>);", "cannot be a reference"),
        ("fn f(&self, name: Cow<'_, str>);", "cannot be borrowed"),
        ("fn f(&self, name: impl Display);", "instead of `impl Trait`"),
        ("fn f(&self, name: Self::Name);", "cannot mention `Self`"),
        ("fn f(&self, #[cfg(unix)] id: u8);", "cannot be conditional"),
        ("fn f(&self, cx: &rpc::Context);", "mark a context with `#[rpc(context)]`"),
        ("fn f(&self, #[rpc(context)] cx: rpc::Context);", "taken by reference"),
        ("fn f(&self, #[rpc(context)] cx: &mut rpc::Context);", "taken by reference"),
        (r#"fn f(&self, #[rpc(context, name = "cx")] cx: &rpc::Context);"#, "has no `name`"),
        ("fn f(&self, #[rpc(context, default)] cx: &rpc::Context);", "has no `default`"),
        ("fn f(&self, #[rpc(context = true)] cx: &rpc::Context);", "`context` takes no value"),
        ("fn f(&self, #[rpc(context)] a: &Context, #[rpc(context)] b: &Context);", "takes one context"),
        (r#"fn f(&self, a: u8, #[rpc(name = "a")] b: u8);"#, "`a` and `b` are both `a` on the wire"),
    ] {
        assert_error(method, expected);
    }
}

#[test]
fn sixteen_parameters_are_the_most() {
    let method = |count: usize| {
        let params: String = (0..count).map(|index| format!(", a{index}: u8")).collect();
        format!("fn f(&self, #[rpc(context)] cx: &Context{params});")
    };
    assert_eq!(errors_in(&method(16)), [""; 0]);
    assert_error(&method(17), "at most 16 parameters, and `f` has 17");
}

#[test]
fn malformed_attributes_are_refused() {
    for (method, expected) in [
        ("#[rpc] fn f(&self);", "expected `#[rpc(..)]`; a method takes `name`, `alias`"),
        (r#"#[rpc = "x"] fn f(&self);"#, "expected `#[rpc(..)]`"),
        ("#[rpc(lenient)] fn f(&self);", "unknown argument `lenient`: a method takes"),
        ("#[rpc(readonly)] #[rpc(readonly)] fn f(&self);", "`readonly` is given twice"),
        ("#[rpc(readonly, idempotent)] fn f(&self);", "`readonly` implies `idempotent`"),
        (r#"#[rpc(name = "")] fn f(&self);"#, "`name` must not be empty"),
        (r#"#[rpc(alias = "")] fn f(&self);"#, "`alias` must not be empty"),
        (r#"#[rpc(timeout = "2")] fn f(&self);"#, "is not a duration"),
        ("#[rpc(timeout = 2)] fn f(&self);", "expected a string: `timeout = \"..\"`"),
        (r#"#[rpc(timeout = "0s")] fn f(&self);"#, "longer than zero"),
        ("fn f(&self, #[rpc(readonly)] id: u8);", "unknown argument `readonly`: a parameter takes"),
        (r#"fn f(&self, #[rpc(name = "")] id: u8);"#, "`name` must not be empty"),
        ("fn f(&self, #[rpc(default =)] id: u8);", "`default` needs a value"),
    ] {
        assert_error(method, expected);
    }
}

#[test]
fn malformed_arguments_of_the_service_are_refused() {
    for (args, expected) in [
        (r#"name = "x""#, "unknown argument `name`: `#[rpc::service]` takes `namespace`, `separator`"),
        ("lenient, lenient", "`lenient` is given twice"),
        (r#"namespace = """#, "`namespace` must not be empty"),
        ("namespace", "`namespace` needs a value"),
        (r#"separator = "_""#, "give a `namespace` too"),
        (r#"rename_all = "Camel""#, "unknown rule `Camel`; the rules are `lowercase`"),
        (r#"params = "array""#, "`\"named\"` or `\"positional\"`, not `\"array\"`"),
        (r#"crate = "::foo""#, "expected a path, without quotes"),
        ("crate = 5", "expected a path: `crate = ::rpc`"),
    ] {
        let errors = errors(args, "trait Users {}");
        assert!(matches!(&errors[..], [error] if error.contains(expected)), "{errors:#?}");
    }
}

#[test]
fn names_on_the_wire_that_the_specification_keeps_are_refused() {
    let method = "trait Users { fn f(&self); fn g(&self); }";
    assert_eq!(
        errors(r#"namespace = "rpc""#, method),
        ["names that begin with `rpc.` are reserved by JSON-RPC 2.0, section 4"]
    );
    assert_eq!(errors(r#"namespace = "rpc", separator = "_""#, method), [""; 0]);
    assert_eq!(errors(r#"namespace = "rpcs""#, method), [""; 0]);
    assert_error(r#"#[rpc(name = "rpc.f")] fn f(&self);"#, "`rpc.f`: names that begin with `rpc.` are reserved");
    assert_error(r#"#[rpc(alias = "rpc.f")] fn f(&self);"#, "`rpc.f`: names that begin with `rpc.` are reserved");
}

#[test]
fn names_on_the_wire_must_differ() {
    for (methods, expected) in [
        (r#"fn a(&self); #[rpc(name = "a")] fn b(&self);"#, "`a` and `b` are both called `a` on the wire"),
        (r#"fn a(&self); #[rpc(alias = "a")] fn b(&self);"#, "`a` and `b` are both called `a` on the wire"),
        (r#"#[rpc(alias = "b")] fn a(&self); fn b(&self);"#, "`a` and `b` are both called `b` on the wire"),
        (r#"#[rpc(alias = "a")] fn a(&self);"#, "`a` has the name `a` already"),
        (r#"#[rpc(alias = "b", alias = "b")] fn a(&self);"#, "`a` has the name `b` already"),
        (r#"#[cfg(unix)] fn a(&self); #[rpc(name = "a")] fn b(&self);"#, "are both called `a`"),
    ] {
        assert_error(methods, expected);
    }
}

#[test]
fn names_must_differ_after_renaming() {
    let errors = |item| errors(r#"rename_all = "lowercase""#, item);
    assert_eq!(
        errors("trait Chain { fn get_block(&self); fn getblock(&self); }"),
        ["`get_block` and `getblock` are both called `getblock` on the wire"]
    );
    assert_eq!(
        errors("trait Chain { fn get_block(&self, tx_id: u8, txid: u8); }"),
        ["`tx_id` and `txid` are both `txid` on the wire"]
    );
}

#[test]
fn names_on_the_wire_may_be_equal_under_conditions() {
    assert_eq!(errors_in("#[cfg(unix)] fn a(&self); #[cfg(not(unix))] fn a(&self, id: u8);"), [""; 0]);
    assert_eq!(errors_in(r#"#[cfg(unix)] fn a(&self); #[cfg(windows)] #[rpc(name = "a")] fn b(&self);"#), [""; 0]);
}

#[test]
fn methods_of_one_name_are_left_to_the_compiler() {
    assert_eq!(errors_in("fn a(&self); fn a(&self, id: u8);"), [""; 0]);
}

#[test]
fn all_errors_are_reported_together() {
    let errors = errors(
        r#"rename_all = "no", what"#,
        r#"trait Users {
            type Item;
            #[rpc(timeout = "never", name = "")]
            async fn f(self, name: &str, (a, b): (u8, u8)) -> impl Display;
            #[rpc(name = "rpc.g")]
            fn g(&self);
        }"#,
    );
    assert_eq!(errors.len(), 10, "{errors:#?}");
}

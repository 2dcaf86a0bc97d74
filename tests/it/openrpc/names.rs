//! Names of types. They depend neither on the order of methods nor on that of services.

use rpc::Describe;
use rpc::openrpc::document;
use rpc::schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::meta_schema::assert_valid;
use super::{PlainClient, PositionClient, Role, User, UsersClient, info, method};

#[test]
fn the_order_of_services_does_not_matter() {
    let one = document(&info(), &[UsersClient::SPEC, PositionClient::SPEC, PlainClient::SPEC]);
    let other = document(&info(), &[PlainClient::SPEC, PositionClient::SPEC, UsersClient::SPEC]);
    assert_eq!(one.to_string(), other.to_string());
    assert!(one.to_string().ends_with("}\n"));
    let names: Vec<_> = one.as_value()["methods"].as_array().unwrap().iter().map(|method| &method["name"]).collect();
    assert!(names.is_sorted_by_key(|name| name.as_str()), "{names:?}");
}

#[test]
fn the_order_of_services_does_not_matter_where_types_and_services_share_a_name() {
    mod a {
        /// Has a letter.
        #[derive(serde::Serialize, serde::Deserialize, rpc::schemars::JsonSchema)]
        pub(super) struct User {
            a: u8,
        }
        /// Serves letters.
        #[rpc::service(namespace = "a", openrpc)]
        pub(super) trait Users {
            async fn change(&self, user: User) -> User;
        }
    }
    mod b {
        #[derive(serde::Serialize, serde::Deserialize, rpc::schemars::JsonSchema)]
        pub(super) struct User {
            b: u8,
        }
        #[rpc::service(namespace = "b", openrpc)]
        pub(super) trait Users {
            async fn change(&self, user: User) -> User;
        }
    }
    let one = document(&info(), &[a::UsersClient::SPEC, b::UsersClient::SPEC]);
    let other = document(&info(), &[b::UsersClient::SPEC, a::UsersClient::SPEC]);
    assert_eq!(one.to_string(), other.to_string());
    let user = &method(&one, "a.change")["params"][0]["schema"]["$ref"];
    assert_eq!(user, "#/components/schemas/User");
    assert!(one.as_value()["components"]["schemas"]["User"]["properties"]["a"].is_object());
}

#[test]
fn names_of_types_depend_on_no_other_method() {
    #[derive(Serialize, Deserialize, JsonSchema)]
    struct Listed<T> {
        items: Vec<T>,
    }
    #[rpc::service(namespace = "user", openrpc)]
    trait Users {
        async fn list(&self) -> Listed<User>;
        async fn put(&self, all: Listed<User>);
    }
    #[rpc::service(namespace = "role", openrpc)]
    trait Roles {
        async fn list(&self) -> Listed<Role>;
    }
    /// Comes before both.
    #[rpc::service(namespace = "all", openrpc)]
    trait Everything {
        async fn list(&self) -> (Listed<Role>, Listed<User>);
    }
    let (users, roles, all) = (UsersClient::SPEC, RolesClient::SPEC, EverythingClient::SPEC);
    let result = |services: &[&'static rpc::ServiceSpec], name: &str| {
        let document = document(&info(), services);
        assert_valid(document.as_value());
        method(&document, name)["result"]["schema"]["$ref"].clone()
    };
    let orders = [[users, roles, all], [all, roles, users], [roles, all, users], [users, all, roles]];
    for services in orders.iter().map(|all| &all[..]).chain([&[roles, users][..]]) {
        assert_eq!(result(services, "user.list"), "#/components/schemas/Listed_UserOutput");
        assert_eq!(result(services, "role.list"), "#/components/schemas/Listed_Role");
    }
    assert_eq!(result(&[roles], "role.list"), "#/components/schemas/Listed");
}

#[test]
fn two_services_of_one_name_have_a_tag_each() {
    mod other {
        /// Others.
        #[rpc::service(namespace = "other", openrpc)]
        pub(super) trait Users {
            fn get(&self);
        }
    }
    let document = document(&info(), &[UsersClient::SPEC, other::UsersClient::SPEC]);
    assert_valid(document.as_value());
    assert_eq!(method(&document, "other.get")["tags"][0]["$ref"], "#/components/tags/Users");
    assert_eq!(method(&document, "user.get")["tags"][0]["$ref"], "#/components/tags/Users_");
    assert_eq!(
        document.as_value()["components"]["tags"]["Users"],
        json!({ "name": "Users", "description": "Others." })
    );
}

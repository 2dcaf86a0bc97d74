//! NaN and infinity, for which JSON has no number.

use rpc::{Client, Error, ErrorObject, Outcome, RpcError, Server};
use serde::{Deserialize, Serialize};

use super::failures;
use crate::telemetry::capture::Told;

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Price {
    amount: f64,
    discount: Option<f32>,
}

#[derive(Debug, PartialEq, thiserror::Error, RpcError)]
#[error("price is odd")]
#[rpc(code = 1001)]
struct Odd {
    price: f64,
}

#[rpc::service(namespace = "price")]
trait Prices {
    async fn get(&self, way: u8) -> Vec<Price>;
    async fn set(&self, amount: f64, discount: Option<f32>) -> f64;
    async fn odd(&self) -> Result<(), Odd>;
}

struct List;

impl Prices for List {
    async fn get(&self, way: u8) -> Vec<Price> {
        vec![match way {
            0 => Price { amount: 1.5, discount: None },
            1 => Price { amount: f64::NAN, discount: None },
            _ => Price { amount: 1.0, discount: Some(f32::INFINITY) },
        }]
    }
    async fn set(&self, amount: f64, _: Option<f32>) -> f64 {
        amount
    }
    async fn odd(&self) -> Result<(), Odd> {
        Err(Odd { price: f64::NAN })
    }
}

fn client() -> Client {
    Client::in_process(&Server::builder().service(PricesServer::new(List)).build())
}

const HINT: &str = "which JSON has no number for; use an `Option` for what may be missing";

#[tokio::test]
async fn a_result_with_nan_or_infinity_is_an_internal_error_that_is_logged_with_the_field() {
    let (told, _guard) = Told::begin();
    let prices = PricesClient::new(client());
    assert_eq!(prices.get(0).await.unwrap(), [Price { amount: 1.5, discount: None }]);
    for way in [1, 2] {
        let error = prices.get(way).await.unwrap_err();
        assert!(matches!(error, Error::Rpc(error) if error == ErrorObject::internal()));
    }
    let logs = failures(&told);
    let told: Vec<_> = logs.iter().map(|log| log.fields.get("error").unwrap()).collect();
    let nan = format!("result cannot be written as JSON: NaN in the field `amount`, {HINT}");
    let infinity = format!("result cannot be written as JSON: inf in the field `discount`, {HINT}");
    assert_eq!(told, [&nan, &infinity]);
}

#[tokio::test]
async fn params_with_nan_or_infinity_are_not_sent() {
    let client = client();
    let prices = PricesClient::new(client.clone());
    assert_eq!(prices.set(2.5, Some(0.5)).await.unwrap(), 2.5);
    let of_typed = [prices.set(f64::NAN, None), prices.set(1.0, Some(f32::NEG_INFINITY))];
    let of_untyped = [client.call::<f64>("price.set", (f64::NAN, 1)), client.call("price.set", [1.0, f64::INFINITY])];
    for call in of_typed.into_iter().chain(of_untyped) {
        let error = call.await.unwrap_err();
        let failure = error.failure().unwrap();
        assert!(failure.is_encode());
        assert_eq!(failure.outcome(), Outcome::NotSent);
        let source = std::error::Error::source(failure).unwrap().to_string();
        assert!(source.ends_with(HINT), "{source}");
    }
}

#[tokio::test]
async fn an_error_with_nan_arrives_without_its_fields_and_is_logged() {
    let (told, _guard) = Told::begin();
    let error = PricesClient::new(client()).odd().await.unwrap_err();
    assert!(matches!(error, Error::Rpc(error) if error == ErrorObject::new(1001, "price is odd")));
    assert!(failures(&told)[0].fields.get("error").unwrap().contains("NaN"));
}

//! Values that survive the whole path: typed client, JSON, HTTP, typed handler, and back.

use std::collections::{BTreeMap, HashMap};

use proptest::prelude::{Strategy, any, prop_oneof};
use proptest::test_runner::{Config, TestRunner};
use rpc::{Client, Error, ErrorObject, Server};
use serde::{Deserialize, Serialize};
use support::{client_of, clients_of};

type Signed = (i8, i16, i32, i64, i128, isize);
type Unsigned = (u8, u16, u32, u64, u128, usize);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Tree {
    name: String,
    shape: Shape,
    note: Option<String>,
    tags: BTreeMap<String, Vec<Option<i64>>>,
    by_number: BTreeMap<i32, bool>,
    children: Vec<Tree>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Shape {
    Point,
    Circle(f64),
    Line(i32, i32),
    Box { width: u32, height: Option<u32> },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Marker;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Meters(f64);

/// A service that returns its argument.
#[rpc::service(namespace = "echo")]
trait Echo {
    async fn signed(&self, a: i8, b: i16, c: i32, d: i64, e: i128, f: isize) -> Signed;
    async fn unsigned(&self, a: u8, b: u16, c: u32, d: u64, e: u128, f: usize) -> Unsigned;
    async fn single(&self, value: f32) -> f32;
    async fn doubles(&self, values: Vec<f64>) -> Vec<f64>;
    async fn text(&self, text: String) -> String;
    fn characters(&self, characters: Vec<char>) -> Vec<char>;
    async fn flags(&self, yes: bool, no: bool) -> (bool, bool);
    async fn options(
        &self,
        a: Option<u32>,
        b: Option<String>,
        c: Option<Vec<u8>>,
    ) -> (Option<u32>, Option<String>, Option<Vec<u8>>);
    async fn tree(&self, tree: Tree) -> Tree;
    async fn map(&self, map: HashMap<String, Shape>) -> HashMap<String, Shape>;
    async fn units(&self, nothing: (), marker: Marker, meters: Meters) -> ((), Marker, Meters);
    async fn nothing(&self);
    async fn no_answer(&self, fail: bool) -> Result<(), ErrorObject>;
}

struct Mirror;

impl Echo for Mirror {
    async fn signed(&self, a: i8, b: i16, c: i32, d: i64, e: i128, f: isize) -> Signed {
        (a, b, c, d, e, f)
    }
    async fn unsigned(&self, a: u8, b: u16, c: u32, d: u64, e: u128, f: usize) -> Unsigned {
        (a, b, c, d, e, f)
    }
    async fn single(&self, value: f32) -> f32 {
        value
    }
    async fn doubles(&self, values: Vec<f64>) -> Vec<f64> {
        values
    }
    async fn text(&self, text: String) -> String {
        text
    }
    fn characters(&self, characters: Vec<char>) -> Vec<char> {
        characters
    }
    async fn flags(&self, yes: bool, no: bool) -> (bool, bool) {
        (yes, no)
    }
    async fn options(
        &self,
        a: Option<u32>,
        b: Option<String>,
        c: Option<Vec<u8>>,
    ) -> (Option<u32>, Option<String>, Option<Vec<u8>>) {
        (a, b, c)
    }
    async fn tree(&self, tree: Tree) -> Tree {
        tree
    }
    async fn map(&self, map: HashMap<String, Shape>) -> HashMap<String, Shape> {
        map
    }
    async fn units(&self, nothing: (), marker: Marker, meters: Meters) -> ((), Marker, Meters) {
        (nothing, marker, meters)
    }
    async fn nothing(&self) {}
    async fn no_answer(&self, fail: bool) -> Result<(), ErrorObject> {
        if fail { Err(ErrorObject::new(1, "as told")) } else { Ok(()) }
    }
}

fn server() -> Server {
    Server::builder().service(EchoServer::new(Mirror)).build()
}

async fn echoes() -> impl Iterator<Item = (&'static str, EchoClient)> {
    clients_of(&server()).await.into_iter().map(|(way, client)| (way, EchoClient::new(client)))
}

#[tokio::test]
async fn integers_survive_at_their_extremes() {
    for (way, echo) in echoes().await {
        for (a, b, c, d, e, f) in [
            (i8::MIN, i16::MIN, i32::MIN, i64::MIN, i128::MIN, isize::MIN),
            (i8::MAX, i16::MAX, i32::MAX, i64::MAX, i128::MAX, isize::MAX),
            (0, -1, 1, -1, i128::from(u64::MAX) + 1, 0),
        ] {
            assert_eq!(echo.signed(a, b, c, d, e, f).await.unwrap(), (a, b, c, d, e, f), "{way}");
        }
        for (a, b, c, d, e, f) in [
            (u8::MAX, u16::MAX, u32::MAX, u64::MAX, u128::MAX, usize::MAX),
            (0, 0, 0, (1 << 53) + 1, u128::from(u64::MAX) + 1, 0),
        ] {
            assert_eq!(echo.unsigned(a, b, c, d, e, f).await.unwrap(), (a, b, c, d, e, f), "{way}");
        }
        assert_eq!(echo.flags(true, false).await.unwrap(), (true, false));
    }
}

/// Compares bit by bit, which tells -0.0 from 0.0.
async fn assert_doubles_survive(echo: &EchoClient, values: Vec<f64>) {
    let bits = |values: &[f64]| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
    let echoed = echo.doubles(values.clone()).await.unwrap();
    assert_eq!(bits(&echoed), bits(&values));
}

#[tokio::test]
async fn doubles_survive_bit_for_bit_at_their_extremes() {
    let smallest = f64::from_bits(1);
    let largest_subnormal = f64::from_bits(f64::MIN_POSITIVE.to_bits() - 1);
    for (_, echo) in echoes().await {
        let values =
            [f64::MIN_POSITIVE, f64::MAX, f64::EPSILON, smallest, largest_subnormal, 0.0, 0.1, 1e23, 1e22, 5e-324];
        let mirrored = values.iter().flat_map(|value| [*value, -*value]).collect();
        assert_doubles_survive(&echo, mirrored).await;
        for value in [f32::MIN_POSITIVE, f32::MAX, f32::from_bits(1), -0.0, 0.1, 16_777_217.0] {
            assert_eq!(echo.single(value).await.unwrap().to_bits(), value.to_bits());
        }
    }
}

#[tokio::test]
async fn random_doubles_survive_bit_for_bit() {
    let echo = EchoClient::new(client_of(&server()).await);
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    // splitmix64, so that every run uses the same numbers.
    let mut random = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        f64::from_bits(z ^ (z >> 31))
    };
    let values: Vec<f64> = std::iter::repeat_with(&mut random).filter(|value| value.is_finite()).take(50_000).collect();
    assert_doubles_survive(&echo, values).await;
}

#[tokio::test]
async fn what_is_not_a_number_is_not_sent_as_a_parameter() {
    let echo = EchoClient::new(client_of(&server()).await);
    // JSON has no number for these.
    for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let error = echo.doubles(vec![value]).await.unwrap_err();
        assert!(error.failure().is_some_and(rpc::Failure::is_encode), "{error:?}");
    }
}

#[tokio::test]
async fn text_survives_whatever_its_characters() {
    let texts = [
        "",
        "\0",
        "a\0b",
        "\u{2028}\u{2029}",
        "\u{feff}",
        "\u{7f}\u{80}\u{9f}",
        "\"\\/\u{8}\u{c}\n\r\t",
        "👩‍👩‍👧‍👦 🏴‍☠️",
        "e\u{301}é",
        "\u{10ffff}\u{d7ff}\u{e000}\u{fffd}",
    ];
    for (way, echo) in echoes().await {
        for text in texts {
            assert_eq!(echo.text(text).await.unwrap(), text, "{way}");
        }
        let control: String = (0..0x20).map(char::from).collect();
        assert_eq!(echo.text(&control).await.unwrap(), control, "{way}");
        let characters: Vec<char> = texts.concat().chars().collect();
        assert_eq!(echo.characters(characters.clone()).await.unwrap(), characters, "{way}");
    }
}

#[tokio::test]
async fn options_survive_given_or_not() {
    for (way, echo) in echoes().await {
        for given in [
            (None, None, None),
            (Some(0), Some(String::new()), Some(vec![])),
            (None, Some("null".to_owned()), None),
            (Some(u32::MAX), None, Some(vec![0, 255])),
        ] {
            let (a, b, c) = given.clone();
            assert_eq!(echo.options(a, b, c).await.unwrap(), given, "{way}");
        }
    }
}

fn tree(depth: u32) -> Tree {
    let children = if depth == 0 { vec![] } else { vec![tree(depth - 1), tree(depth - 1)] };
    let shapes = [Shape::Point, Shape::Circle(-0.5), Shape::Line(i32::MIN, 7), Shape::Box { width: 3, height: None }];
    Tree {
        name: format!("depth {depth}"),
        shape: shapes[depth as usize % shapes.len()].clone(),
        note: depth.is_multiple_of(2).then(|| "even".to_owned()),
        tags: BTreeMap::from([("empty".to_owned(), vec![]), ("ü".to_owned(), vec![None, Some(i64::MIN)])]),
        by_number: BTreeMap::from([(-1, true), (i32::MAX, false)]),
        children,
    }
}

#[tokio::test]
async fn nested_structures_survive() {
    let map: HashMap<String, Shape> =
        [("point", Shape::Point), ("box", Shape::Box { width: 1, height: Some(2) }), ("", Shape::Line(1, 2))]
            .map(|(name, shape)| (name.to_owned(), shape))
            .into();
    for (way, echo) in echoes().await {
        assert_eq!(echo.tree(tree(5)).await.unwrap(), tree(5), "{way}");
        assert_eq!(echo.map(map.clone()).await.unwrap(), map, "{way}");
        assert_eq!(echo.map(HashMap::new()).await.unwrap(), HashMap::new(), "{way}");
    }
}

#[tokio::test]
async fn units_survive_as_params_and_as_results() {
    for (way, echo) in echoes().await {
        assert_eq!(echo.units((), Marker, Meters(1.5)).await.unwrap(), ((), Marker, Meters(1.5)), "{way}");
        let () = echo.nothing().await.unwrap();
        let () = echo.no_answer(false).await.unwrap();
        let error = echo.no_answer(true).await.unwrap_err();
        assert!(matches!(error, Error::Method(error) if error == ErrorObject::new(1, "as told")), "{way}");
    }
}

/// Tests a property with a client of a served echo.
fn property<V: std::fmt::Debug>(strategy: impl Strategy<Value = V>, holds: &impl AsyncFn(&EchoClient, V)) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let client: Client = runtime.block_on(client_of(&server()));
    let echo = EchoClient::new(client);
    let mut runner = TestRunner::new(Config { failure_persistence: None, ..Config::with_cases(64) });
    runner
        .run(&strategy, |value| {
            runtime.block_on(holds(&echo, value));
            Ok(())
        })
        .unwrap();
}

#[test]
fn any_text_survives() {
    property(any::<String>(), &async |echo, text| assert_eq!(echo.text(&text).await.unwrap(), text));
}

#[test]
fn any_number_survives() {
    property((any::<i128>(), any::<u128>(), any::<i64>(), any::<u64>()), &async |echo, (e, e2, d, d2)| {
        assert_eq!(echo.signed(0, 0, 0, d, e, 0).await.unwrap(), (0, 0, 0, d, e, 0));
        assert_eq!(echo.unsigned(0, 0, 0, d2, e2, 0).await.unwrap(), (0, 0, 0, d2, e2, 0));
    });
}

#[test]
fn any_enum_survives() {
    let shapes = prop_oneof![
        any::<(i32, i32)>().prop_map(|(a, b)| Shape::Line(a, b)),
        any::<(u32, Option<u32>)>().prop_map(|(width, height)| Shape::Box { width, height }),
        proptest::num::f64::NORMAL.prop_map(Shape::Circle),
    ];
    property(proptest::collection::hash_map(any::<String>(), shapes, 0..20), &async |echo, map| {
        assert_eq!(echo.map(map.clone()).await.unwrap(), map);
    });
}

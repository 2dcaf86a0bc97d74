//! The service that is written for each peer: 100 methods, whose parameters and results are a mix of types. No two
//! methods have the same parameters, which is the worst case for what is generic over them.

/// How many methods there are.
pub(crate) const METHODS: usize = 100;
/// How many of them the client calls.
pub(crate) const CALLED: usize = 10;

/// The types of parameters, and a value of each.
const PARAMS: [(&str, &str); 6] = [
    ("i64", "-7"),
    ("String", "String::from(\"a\")"),
    ("Option<u32>", "Some(7)"),
    ("bool", "true"),
    ("Vec<String>", "vec![String::from(\"a\")]"),
    ("Item", "Item::default()"),
];

/// The names of the parameters.
const NAMES: [&str; 3] = ["first", "second", "third"];

/// What a method answers.
#[derive(Clone, Copy)]
pub(crate) enum Answer {
    Item,
    Items,
    Unit,
    Fallible,
}

impl Answer {
    /// The type that stands behind `Ok`.
    pub(crate) fn ok(self) -> &'static str {
        match self {
            Self::Item | Self::Fallible => "Item",
            Self::Items => "Vec<Item>",
            Self::Unit => "()",
        }
    }

    /// The type in the trait: with the declared error only where there is one.
    pub(crate) fn declared(self) -> String {
        match self {
            Self::Fallible => "Result<Item, StoreError>".to_owned(),
            _ => self.ok().to_owned(),
        }
    }

    /// The expression that a handler ends with.
    fn value(self) -> &'static str {
        match self {
            Self::Item => "Item::default()",
            Self::Items => "vec![Item::default()]",
            Self::Unit => "()",
            Self::Fallible => "Err(StoreError::NotFound { id: 7 })",
        }
    }
}

/// One method.
pub(crate) struct Method {
    index: usize,
    pub(crate) answer: Answer,
}

/// Lists the methods, always the same.
pub(crate) fn methods() -> impl Iterator<Item = Method> {
    (0..METHODS).map(|index| {
        let answer = [Answer::Item, Answer::Items, Answer::Unit, Answer::Fallible][index % 4];
        Method { index, answer }
    })
}

impl Method {
    pub(crate) fn name(&self) -> String {
        format!("method_{:03}", self.index)
    }

    /// The name of the type that holds the parameters, where they have one.
    pub(crate) fn type_name(&self) -> String {
        format!("Method{:03}", self.index)
    }

    fn kinds(&self) -> [(&'static str, &'static str); 3] {
        [self.index, self.index / 6, self.index / 36 + self.index].map(|kind| PARAMS[kind % PARAMS.len()])
    }

    /// `first: i64, second: String, third: bool`
    pub(crate) fn params(&self) -> String {
        self.join(|name, (ty, _)| format!("{name}: {ty}"))
    }

    /// `first, second, third`
    pub(crate) fn names(&self) -> String {
        self.join(|name, _| name.to_owned())
    }

    /// `params.first, params.second, params.third`
    pub(crate) fn fields(&self) -> String {
        self.join(|name, _| format!("params.{name}"))
    }

    /// `-7, String::from("a"), true`
    pub(crate) fn values(&self) -> String {
        self.join(|_, (_, value)| value.to_owned())
    }

    fn join(&self, text: impl Fn(&str, (&str, &str)) -> String) -> String {
        NAMES.iter().zip(self.kinds()).map(|(name, kind)| text(name, kind)).collect::<Vec<_>>().join(", ")
    }

    /// The body of the handler, which ends with `last`, where `VALUE` stands for the answer. Another revision is an
    /// edit of the first.
    pub(crate) fn body(&self, revision: usize, last: &str) -> String {
        let revision = if self.index == 0 { revision } else { 0 };
        let last = last.replace("VALUE", self.answer.value());
        format!("let _ = ({}, {revision}usize); {last}", self.names())
    }
}

/// Writes the types that travel; `error` is what the error derives, and its attributes.
pub(crate) fn types(error: &str) -> String {
    format!(
        "#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]\n\
         pub struct Item {{ pub id: u64, pub name: String, pub tags: Vec<String> }}\n\n{error}\n"
    )
}

/// Joins what is written of each method.
pub(crate) fn each(write: impl Fn(&Method) -> String) -> String {
    methods().map(|method| write(&method)).collect()
}

/// Joins what is written of each method that the client calls.
pub(crate) fn each_called(write: impl Fn(&Method) -> String) -> String {
    methods().step_by(METHODS / CALLED).map(|method| write(&method)).collect()
}

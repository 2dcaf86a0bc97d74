//! The service for each peer: 100 methods with a mix of types for parameters and results. No two methods have the same
//! parameters, which is the worst case for code that is generic over them.

/// The number of methods.
pub(crate) const METHODS: usize = 100;
/// The number of methods that the client calls.
pub(crate) const CALLED: usize = 10;

/// The types of parameters, each with a value.
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

/// The result of a method.
#[derive(Clone, Copy)]
pub(crate) enum Answer {
    Item,
    Items,
    Unit,
    Fallible,
}

impl Answer {
    /// Returns the type inside `Ok`.
    pub(crate) fn ok(self) -> &'static str {
        match self {
            Self::Item | Self::Fallible => "Item",
            Self::Items => "Vec<Item>",
            Self::Unit => "()",
        }
    }

    /// Returns the type in the trait. It includes the declared error only where the method has one.
    pub(crate) fn declared(self) -> String {
        match self {
            Self::Fallible => "Result<Item, StoreError>".to_owned(),
            _ => self.ok().to_owned(),
        }
    }

    /// Returns the expression at the end of a handler.
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

/// Lists the methods. The list is always the same.
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

    /// Returns the name of the type that holds the parameters, for peers that have one.
    pub(crate) fn type_name(&self) -> String {
        format!("Method{:03}", self.index)
    }

    fn kinds(&self) -> [(&'static str, &'static str); 3] {
        [self.index, self.index / 6, self.index / 36 + self.index].map(|kind| PARAMS[kind % PARAMS.len()])
    }

    /// Returns the parameters with their types: `first: i64, second: String, third: bool`.
    pub(crate) fn params(&self) -> String {
        self.join(|name, (ty, _)| format!("{name}: {ty}"))
    }

    /// Returns the names of the parameters: `first, second, third`.
    pub(crate) fn names(&self) -> String {
        self.join(|name, _| name.to_owned())
    }

    /// Returns the fields of the params: `params.first, params.second, params.third`.
    pub(crate) fn fields(&self) -> String {
        self.join(|name, _| format!("params.{name}"))
    }

    /// Returns a value of each parameter: `-7, String::from("a"), true`.
    pub(crate) fn values(&self) -> String {
        self.join(|_, (_, value)| value.to_owned())
    }

    fn join(&self, text: impl Fn(&str, (&str, &str)) -> String) -> String {
        NAMES.iter().zip(self.kinds()).map(|(name, kind)| text(name, kind)).collect::<Vec<_>>().join(", ")
    }

    /// Returns the body of the handler. It ends with `last`, in which `VALUE` stands for the result. Another revision
    /// is an edit of the first.
    pub(crate) fn body(&self, revision: usize, last: &str) -> String {
        let revision = if self.index == 0 { revision } else { 0 };
        let last = last.replace("VALUE", self.answer.value());
        format!("let _ = ({}, {revision}usize); {last}", self.names())
    }
}

/// Writes the types that travel. `error` is the derive and the attributes of the error type.
pub(crate) fn types(error: &str) -> String {
    format!(
        "#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]\n\
         pub struct Item {{ pub id: u64, pub name: String, pub tags: Vec<String> }}\n\n{error}\n"
    )
}

/// Joins the texts that `write` returns for the methods.
pub(crate) fn each(write: impl Fn(&Method) -> String) -> String {
    methods().map(|method| write(&method)).collect()
}

/// Joins the texts that `write` returns for the methods that the client calls.
pub(crate) fn each_called(write: impl Fn(&Method) -> String) -> String {
    methods().step_by(METHODS / CALLED).map(|method| write(&method)).collect()
}

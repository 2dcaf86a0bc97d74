use crate::ParamSpec;

/// Says which members there are, and whether others are ignored.
#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    pub(crate) names: Names,
    pub(crate) lenient: bool,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Names {
    /// Of a method's parameters. There may be fewer than values, where a description was written by hand.
    Params(&'static [ParamSpec]),
    /// Of an error's fields.
    Plain(&'static [&'static str]),
    /// Members have positions only.
    None,
}

impl Names {
    pub(super) fn len(self) -> usize {
        match self {
            Self::Params(params) => params.len(),
            Self::Plain(names) => names.len(),
            Self::None => 0,
        }
    }

    pub(super) fn get(self, index: usize) -> Option<&'static str> {
        match self {
            Self::Params(params) => params.get(index).map(|param| param.name),
            Self::Plain(names) => names.get(index).copied(),
            Self::None => None,
        }
    }

    pub(super) fn position(self, name: &str) -> Option<usize> {
        (0..self.len()).find(|&index| self.get(index) == Some(name))
    }
}

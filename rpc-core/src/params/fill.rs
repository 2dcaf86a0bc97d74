//! Fills the slots of a tuple with the params of a call, which are an array or an object. `cursor` reads them. A value
//! that does not fit becomes a `ParamsProblem`, which names the parameter.

use serde::de::{DeserializeOwned, IgnoredAny};

use super::absent::{ExpectedType, MissingParam};
use super::cursor::{Cursor, MalformedParams};
use super::problem::ParamsProblem;
use super::shape::ParamsShape;
use super::unread::UnreadValue;
use crate::ErrorObject;

/// A slot for the value of a parameter.
pub(super) struct ParamSlot<T> {
    value: Option<T>,
    default: Option<fn() -> T>,
}

impl<T> ParamSlot<T> {
    pub(super) fn new(default: Option<fn() -> T>) -> Self {
        Self { value: None, default }
    }

    /// Returns the default if `null` comes next. A caller that passes parameters by position has no other way to leave
    /// one out.
    #[cold]
    fn default_of_null(&self, cursor: &mut Cursor<'_>) -> Option<T> {
        let default = self.default?;
        cursor.skip_null().then(default)
    }

    /// Returns the value, after [`fill`].
    pub(super) fn take(self) -> T {
        self.value.expect("every slot is filled, or decoding has failed")
    }
}

/// A [`ParamSlot`] with its type erased. So the code that fills the slots is compiled once, and not for each tuple.
pub(super) trait AnyParamSlot {
    /// Reads the next value.
    fn read(&mut self, cursor: &mut Cursor<'_>) -> Result<(), serde_json::Error>;

    /// Completes a missing parameter.
    fn complete(&mut self) -> Result<(), ExpectedType>;
}

impl<T: DeserializeOwned> AnyParamSlot for ParamSlot<T> {
    fn read(&mut self, cursor: &mut Cursor<'_>) -> Result<(), serde_json::Error> {
        self.value = Some(match cursor.value() {
            Ok(value) => value,
            Err(error) => self.default_of_null(cursor).ok_or(error)?,
        });
        Ok(())
    }

    fn complete(&mut self) -> Result<(), ExpectedType> {
        self.value = Some(match self.default {
            Some(default) => default(),
            None => T::deserialize(MissingParam)?,
        });
        Ok(())
    }
}

/// Fills all slots, by name or by position.
pub(super) fn fill(
    raw: Option<&str>,
    shape: ParamsShape,
    slots: &mut [&mut dyn AnyParamSlot],
) -> Result<(), ErrorObject> {
    let mut filling = SlotFiller { shape, slots, filled: 0 };
    let read = match raw {
        None | Some("null") => Ok(()),
        Some(raw) => filling.read(raw),
    };
    let filled = read.and_then(|()| filling.complete());
    filled.map_err(|problem| problem.to_error_object())
}

/// The slots of a tuple while they are filled.
struct SlotFiller<'f, 's> {
    shape: ParamsShape,
    slots: &'f mut [&'s mut dyn AnyParamSlot],
    /// The bit of each slot that has its value, by index. A tuple has at most 16 slots.
    filled: u32,
}

impl SlotFiller<'_, '_> {
    fn read(&mut self, raw: &str) -> Result<(), ParamsProblem> {
        let mut cursor = Cursor::new(raw);
        match cursor.peek() {
            Some(b'[') => self.elements(&mut cursor),
            Some(b'{') => self.members(&mut cursor),
            _ => Err(MalformedParams.into()),
        }
        .map_err(|stop| stop.explain(raw))
    }

    fn elements(&mut self, cursor: &mut Cursor<'_>) -> Result<(), FillError> {
        let known = self.slots.len();
        let mut given = 0;
        let mut more = cursor.open(b']')?;
        while more {
            more = self.value(cursor, given, b']')?;
            given += 1;
        }
        if given > known && !self.shape.lenient {
            return Err(ParamsProblem::TooMany { given, known }.into());
        }
        Ok(())
    }

    fn members(&mut self, cursor: &mut Cursor<'_>) -> Result<(), FillError> {
        let ParamsShape { names, lenient } = self.shape;
        let mut more = cursor.open(b'}')?;
        while more {
            let name = cursor.name()?;
            let Some(index) = names.position(&name).or(lenient.then_some(UNKNOWN)) else {
                return Err(ParamsProblem::Unknown { parameter: name.into_owned(), known: names }.into());
            };
            if index < self.slots.len() && self.filled & (1 << index) != 0 {
                return Err(ParamsProblem::Twice { parameter: self.name(index) }.into());
            }
            more = self.value(cursor, index, b'}')?;
        }
        Ok(())
    }

    /// Reads a value into its slot, or skips it if it has none. Returns whether another value follows.
    #[inline]
    fn value(&mut self, cursor: &mut Cursor<'_>, index: usize, close: u8) -> Result<bool, FillError> {
        let text = cursor.rest();
        let Some(slot) = self.slots.get_mut(index) else {
            cursor.value::<IgnoredAny>().map_err(|_| MalformedParams)?;
            return Ok(cursor.more(close)?);
        };
        if let Err(error) = slot.read(cursor) {
            return Err(self.invalid(index, text, &error).into());
        }
        self.filled |= 1 << index;
        cursor.more(close).map_err(|MalformedParams| self.malformed(index, text, cursor))
    }

    /// Makes the problem of a value that cannot be decoded, or that its type did not read to the end. `text` begins
    /// with the value.
    #[cold]
    fn invalid(&self, index: usize, text: &str, error: &serde_json::Error) -> ParamsProblem {
        match UnreadValue::of_error(text, error) {
            Some(unread) => self.unread(index, &unread),
            None => ParamsProblem::invalid(Some(self.name(index)), error),
        }
    }

    /// Finds out why neither a comma nor a closing bracket follows a value. The type may have stopped reading early, as
    /// `u128` does in `1.5`. `text` begins with the value.
    #[cold]
    fn malformed(&self, index: usize, text: &str, cursor: &Cursor<'_>) -> FillError {
        let read = text.len() - cursor.rest().len();
        match UnreadValue::find(text, read + 1) {
            Some(unread) => self.unread(index, &unread).into(),
            None => MalformedParams.into(),
        }
    }

    fn unread(&self, index: usize, unread: &UnreadValue<'_>) -> ParamsProblem {
        ParamsProblem::invalid(Some(self.name(index) + &unread.path), &unread.reason())
    }

    fn complete(&mut self) -> Result<(), ParamsProblem> {
        for index in 0..self.slots.len() {
            if self.filled & (1 << index) == 0
                && let Err(ExpectedType(expected)) = self.slots[index].complete()
            {
                return Err(ParamsProblem::Missing { parameter: self.name(index), expected });
            }
        }
        Ok(())
    }

    fn name(&self, index: usize) -> String {
        self.shape.names.get(index).map_or_else(|| index.to_string(), str::to_owned)
    }
}

/// The position of a name that belongs to no parameter. No slot has it, so [`SlotFiller::value`] skips the value.
const UNKNOWN: usize = usize::MAX;

/// Why reading stops early.
enum FillError {
    Problem(Box<ParamsProblem>),
    /// The text is not JSON, or neither an array nor an object.
    Malformed,
}

impl From<ParamsProblem> for FillError {
    fn from(problem: ParamsProblem) -> Self {
        Self::Problem(Box::new(problem))
    }
}

impl From<MalformedParams> for FillError {
    fn from(MalformedParams: MalformedParams) -> Self {
        Self::Malformed
    }
}

impl FillError {
    /// Returns the problem. If the text is not JSON, `serde_json` gives the better explanation.
    fn explain(self, raw: &str) -> ParamsProblem {
        match self {
            Self::Problem(problem) => *problem,
            Self::Malformed => match serde_json::from_str::<IgnoredAny>(raw) {
                Err(error) => ParamsProblem::invalid(None, &error),
                Ok(_) => ParamsProblem::invalid(None, &"not an array or an object"),
            },
        }
    }
}

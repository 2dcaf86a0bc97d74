//! Implements [`Batch`] for calls, notifications, tuples, arrays, `Vec` and `Option`: how each splits into entries and
//! takes its answers back.

use std::marker::PhantomData;

use rpc_core::RpcError;
use serde::de::DeserializeOwned;

use super::{Answers, Batch, Entries};
use crate::call::Call;
use crate::error::{Error, decode};
use crate::failure::Failure;
use crate::notification::{Notification, taken};

impl<T: DeserializeOwned, E: RpcError> Batch for Call<T, E> {
    type Output = Result<T, Error<E>>;
    type Shape = PhantomData<fn() -> (T, E)>;

    fn split(self, entries: &mut Entries) -> Self::Shape {
        entries.push(self.parts);
        PhantomData
    }

    fn join(_: Self::Shape, answers: &mut Answers) -> Self::Output {
        decode(answers.next())
    }
}

impl Batch for Notification {
    type Output = Result<(), Failure>;
    type Shape = ();

    fn split(self, entries: &mut Entries) {
        entries.push(self.parts);
    }

    fn join((): (), answers: &mut Answers) -> Self::Output {
        taken(answers.next())
    }
}

impl<B: Batch> Batch for Vec<B> {
    type Output = Vec<B::Output>;
    type Shape = Vec<B::Shape>;

    fn split(self, entries: &mut Entries) -> Self::Shape {
        entries.reserve(self.len());
        self.into_iter().map(|part| part.split(entries)).collect()
    }

    fn join(shape: Self::Shape, answers: &mut Answers) -> Self::Output {
        shape.into_iter().map(|part| B::join(part, answers)).collect()
    }
}

impl<B: Batch, const N: usize> Batch for [B; N] {
    type Output = [B::Output; N];
    type Shape = [B::Shape; N];

    fn split(self, entries: &mut Entries) -> Self::Shape {
        self.map(|part| part.split(entries))
    }

    fn join(shape: Self::Shape, answers: &mut Answers) -> Self::Output {
        shape.map(|part| B::join(part, answers))
    }
}

impl<B: Batch> Batch for Option<B> {
    type Output = Option<B::Output>;
    type Shape = Option<B::Shape>;

    fn split(self, entries: &mut Entries) -> Self::Shape {
        self.map(|part| part.split(entries))
    }

    fn join(shape: Self::Shape, answers: &mut Answers) -> Self::Output {
        shape.map(|part| B::join(part, answers))
    }
}

// Rust evaluates the members of a tuple expression from left to right, so entries keep their order.
macro_rules! tuples {
    ($( ($($B:ident $part:ident),*) )*) => { $(
        #[allow(unused_variables, clippy::unused_unit)]
        impl<$($B: Batch),*> Batch for ($($B,)*) {
            type Output = ($($B::Output,)*);
            type Shape = ($($B::Shape,)*);

            fn split(self, entries: &mut Entries) -> Self::Shape {
                let ($($part,)*) = self;
                ($($part.split(entries),)*)
            }

            fn join(shape: Self::Shape, answers: &mut Answers) -> Self::Output {
                let ($($part,)*) = shape;
                ($($B::join($part, answers),)*)
            }
        }
    )* };
}

tuples! {
    ()
    (B0 b0)
    (B0 b0, B1 b1)
    (B0 b0, B1 b1, B2 b2)
    (B0 b0, B1 b1, B2 b2, B3 b3)
    (B0 b0, B1 b1, B2 b2, B3 b3, B4 b4)
    (B0 b0, B1 b1, B2 b2, B3 b3, B4 b4, B5 b5)
    (B0 b0, B1 b1, B2 b2, B3 b3, B4 b4, B5 b5, B6 b6)
    (B0 b0, B1 b1, B2 b2, B3 b3, B4 b4, B5 b5, B6 b6, B7 b7)
    (B0 b0, B1 b1, B2 b2, B3 b3, B4 b4, B5 b5, B6 b6, B7 b7, B8 b8)
    (B0 b0, B1 b1, B2 b2, B3 b3, B4 b4, B5 b5, B6 b6, B7 b7, B8 b8, B9 b9)
    (B0 b0, B1 b1, B2 b2, B3 b3, B4 b4, B5 b5, B6 b6, B7 b7, B8 b8, B9 b9, B10 b10)
    (B0 b0, B1 b1, B2 b2, B3 b3, B4 b4, B5 b5, B6 b6, B7 b7, B8 b8, B9 b9, B10 b10, B11 b11)
}

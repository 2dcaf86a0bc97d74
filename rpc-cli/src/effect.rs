//! [`EffectArgs`]: what the command line says about the effect of a call.

use clap::Args;
use rpc::{Call, Effect};

/// What a call changes, as the command line says.
#[derive(Args, Clone, Copy, Debug, Default)]
pub(crate) struct EffectArgs {
    /// The method has no effect: a failed call may be retried
    #[arg(long, conflicts_with = "idempotent")]
    pub(crate) readonly: bool,
    /// A repeat has no further effect: a failed call may be retried
    #[arg(long)]
    pub(crate) idempotent: bool,
}

impl EffectArgs {
    /// Returns the effect that the command line states, if it states one.
    pub(crate) fn stated(self) -> Option<Effect> {
        match (self.readonly, self.idempotent) {
            (true, _) => Some(Effect::None),
            (false, true) => Some(Effect::Idempotent),
            (false, false) => None,
        }
    }

    /// Returns the effect of a call. The command line takes precedence over the server's description. Without either,
    /// a repeat of the call may have a second effect.
    pub(crate) fn effect(self, described: Option<Effect>) -> Effect {
        self.stated().or(described).unwrap_or(Effect::Once)
    }
}

/// Sets the effect of a call.
pub(crate) fn with_effect<T, E>(call: Call<T, E>, effect: Effect) -> Call<T, E> {
    match effect {
        Effect::None => call.readonly(),
        Effect::Idempotent => call.idempotent(),
        Effect::Once => call,
    }
}

#[cfg(test)]
mod tests {
    use rpc::Effect;

    use super::EffectArgs;

    #[test]
    fn the_command_line_takes_precedence_over_the_description() {
        let none = EffectArgs::default();
        assert_eq!(none.effect(None), Effect::Once);
        assert_eq!(none.effect(Some(Effect::None)), Effect::None);
        let idempotent = EffectArgs { idempotent: true, ..none };
        assert_eq!(idempotent.effect(Some(Effect::None)), Effect::Idempotent);
        let readonly = EffectArgs { readonly: true, ..none };
        assert_eq!(readonly.effect(Some(Effect::Once)), Effect::None);
    }
}

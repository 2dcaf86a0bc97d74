/// A rule of `rename_all`: converts snake case, Rust's case for methods and parameters, to another case.
///
/// The names are serde's. As for serde's variants, `lowercase` and `UPPERCASE` remove underscores.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Case {
    Lower,
    Upper,
    Pascal,
    Camel,
    Snake,
    ScreamingSnake,
    Kebab,
    ScreamingKebab,
}

impl Case {
    const RULES: [(&'static str, Self); 8] = [
        ("lowercase", Self::Lower),
        ("UPPERCASE", Self::Upper),
        ("PascalCase", Self::Pascal),
        ("camelCase", Self::Camel),
        ("snake_case", Self::Snake),
        ("SCREAMING_SNAKE_CASE", Self::ScreamingSnake),
        ("kebab-case", Self::Kebab),
        ("SCREAMING-KEBAB-CASE", Self::ScreamingKebab),
    ];

    pub(crate) fn parse(rule: &str) -> Option<Self> {
        Self::RULES.iter().find(|(name, _)| *name == rule).map(|(_, case)| *case)
    }

    /// Lists the rules for an error message.
    pub(crate) fn known() -> String {
        Self::RULES.map(|(name, _)| format!("`{name}`")).join(", ")
    }

    /// Renames an identifier. An identifier of underscores alone stays as it is, since some rules would make it empty.
    pub(crate) fn apply(self, ident: &str) -> String {
        let renamed = match self {
            Self::Lower => ident.to_ascii_lowercase().replace('_', ""),
            Self::Upper => ident.to_ascii_uppercase().replace('_', ""),
            Self::Pascal => pascal(ident),
            Self::Camel => camel(ident),
            Self::Snake => ident.to_owned(),
            Self::ScreamingSnake => ident.to_ascii_uppercase(),
            Self::Kebab => ident.replace('_', "-"),
            Self::ScreamingKebab => ident.to_ascii_uppercase().replace('_', "-"),
        };
        if renamed.is_empty() { ident.to_owned() } else { renamed }
    }
}

fn pascal(ident: &str) -> String {
    let mut renamed = String::with_capacity(ident.len());
    let mut starts_word = true;
    for c in ident.chars() {
        if c == '_' {
            starts_word = true;
        } else if starts_word {
            renamed.push(c.to_ascii_uppercase());
            starts_word = false;
        } else {
            renamed.push(c);
        }
    }
    renamed
}

fn camel(ident: &str) -> String {
    let mut renamed = pascal(ident);
    if let Some(first) = renamed.get_mut(..1) {
        first.make_ascii_lowercase();
    }
    renamed
}

#[cfg(test)]
mod tests {
    use super::Case;

    #[test]
    fn rules_rename_snake_case() {
        for (rule, outcome, vegetable, z42) in [
            ("lowercase", "outcome", "verytasty", "z42"),
            ("UPPERCASE", "OUTCOME", "VERYTASTY", "Z42"),
            ("PascalCase", "Outcome", "VeryTasty", "Z42"),
            ("camelCase", "outcome", "veryTasty", "z42"),
            ("snake_case", "outcome", "very_tasty", "z42"),
            ("SCREAMING_SNAKE_CASE", "OUTCOME", "VERY_TASTY", "Z42"),
            ("kebab-case", "outcome", "very-tasty", "z42"),
            ("SCREAMING-KEBAB-CASE", "OUTCOME", "VERY-TASTY", "Z42"),
        ] {
            let case = Case::parse(rule).unwrap();
            assert_eq!(case.apply("outcome"), outcome, "{rule}");
            assert_eq!(case.apply("very_tasty"), vegetable, "{rule}");
            assert_eq!(case.apply("z42"), z42, "{rule}");
        }
    }

    #[test]
    fn other_spellings_are_not_rules() {
        for rule in ["", "CamelCase", "camel_case", "camelcase", "Kebab-Case"] {
            assert_eq!(Case::parse(rule), None, "{rule}");
        }
    }

    #[test]
    fn known_lists_all_eight_rules() {
        assert_eq!(Case::known().matches(", ").count(), 7);
    }

    #[test]
    fn leading_and_doubled_underscores_vanish_where_words_are_joined() {
        assert_eq!(Case::Camel.apply("_user__id_"), "userId");
        assert_eq!(Case::Pascal.apply("_user__id_"), "UserId");
        assert_eq!(Case::Lower.apply("_user__id_"), "userid");
        assert_eq!(Case::Upper.apply("_user__id_"), "USERID");
    }

    #[test]
    fn underscores_alone_stay() {
        for case in [Case::Camel, Case::Pascal, Case::Lower, Case::Upper] {
            assert_eq!(case.apply("__"), "__", "{case:?}");
        }
    }

    #[test]
    fn lowercase_and_uppercase_change_letters_that_are_camel_case_already() {
        assert_eq!(Case::Lower.apply("getBlock"), "getblock");
        assert_eq!(Case::Upper.apply("getBlock"), "GETBLOCK");
    }

    #[test]
    fn letters_outside_ascii_stay() {
        assert_eq!(Case::Camel.apply("über_maß"), "überMaß");
        assert_eq!(Case::Upper.apply("über_maß"), "üBERMAß");
        assert_eq!(Case::ScreamingSnake.apply("über_maß"), "üBER_MAß");
    }
}

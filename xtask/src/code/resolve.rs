//! Resolves a path through imports, re-exports and globs to the item that a file defines.

use super::items::{Import, Namespace, SPACES};
use super::modules::{Definition, ModuleId, Target, Tree};

/// The current lookups. They end imports that lead back to themselves.
type Trail<'a> = Vec<(ModuleId, &'a str, Namespace)>;

impl Tree {
    /// Resolves a path as `module` sees it. A path into none of the tree's crates resolves to nothing. A path that
    /// continues after an item (`Type::new`, `Enum::Variant`) resolves to the item.
    pub(crate) fn resolve(&self, module: ModuleId, path: &[String], space: Namespace) -> Vec<Target> {
        self.walk(module, path, space, &mut Trail::new())
    }

    fn walk<'a>(
        &'a self,
        module: ModuleId,
        path: &'a [String],
        space: Namespace,
        trail: &mut Trail<'a>,
    ) -> Vec<Target> {
        let Some((first, mut rest)) = path.split_first() else { return Vec::new() };
        let in_step = |rest: &[String]| if rest.is_empty() { space } else { Namespace::Types };
        let mut at = match first.as_str() {
            "crate" => vec![Target::Module(self.modules[module].root)],
            // The path began with `::`.
            "" => {
                let Some((name, after)) = rest.split_first() else { return Vec::new() };
                rest = after;
                self.other_crate(name)
            }
            "self" => vec![Target::Module(module)],
            "super" => self.modules[module].parent.map(Target::Module).into_iter().collect(),
            name if rest.is_empty() && space == Namespace::Macros => self.textual(module, name, trail),
            name => {
                let found = self.look_up(module, name, in_step(rest), trail);
                if found.is_empty() { self.other_crate(name) } else { found }
            }
        };
        while let Some((step, after)) = rest.split_first() {
            rest = after;
            at = at.into_iter().flat_map(|target| self.step(target, step, in_step(after), trail)).collect();
        }
        at
    }

    fn other_crate(&self, name: &str) -> Vec<Target> {
        self.crates.get(name).copied().map(Target::Module).into_iter().collect()
    }

    fn step<'a>(&'a self, from: Target, name: &'a str, space: Namespace, trail: &mut Trail<'a>) -> Vec<Target> {
        match from {
            Target::Item(_) => vec![from],
            Target::Module(module) if name == "super" => {
                self.modules[module].parent.map(Target::Module).into_iter().collect()
            }
            Target::Module(module) => {
                let is_under_way = trail.iter().any(|(at, of, _)| (*at, *of) == (module, name));
                let found = self.look_up(module, name, space, trail);
                if found.is_empty() && !is_under_way && self.is_made_by_macro(module, name, trail) {
                    let file = self.modules[module].file.clone();
                    let name = name.to_owned();
                    return vec![Target::Item(Definition {
                        name,
                        file,
                        item: None,
                        is_pattern: false,
                        variants: Vec::new(),
                    })];
                }
                found
            }
        }
    }

    /// Returns whether a macro in a module must define a name, since the module neither defines nor imports it.
    fn is_made_by_macro<'a>(&'a self, module: ModuleId, name: &'a str, trail: &mut Trail<'a>) -> bool {
        let is_found = SPACES.iter().any(|space| !self.look_up(module, name, *space, trail).is_empty());
        let mut imports = self.modules[module].imports.iter();
        !is_found
            && imports.all(|import| match &import.name {
                Some(imported) => imported != name,
                // A glob of another crate may bring any name.
                None => !import.is_glob || !self.walk(module, &import.path, Namespace::Types, trail).is_empty(),
            })
    }

    /// Finds a name in a module. Definitions and imports by name take precedence over globs.
    fn look_up<'a>(&'a self, module: ModuleId, name: &'a str, space: Namespace, trail: &mut Trail<'a>) -> Vec<Target> {
        if trail.contains(&(module, name, space)) {
            return Vec::new();
        }
        trail.push((module, name, space));
        let Self { modules, .. } = self;
        let mut found = modules[module].names.get(&(space, name.to_owned())).cloned().unwrap_or_default();
        for import in modules[module].imports.iter().filter(|import| import.name.as_deref() == Some(name)) {
            found.extend(self.walk(module, &import.path, space, trail));
        }
        if found.is_empty() {
            for import in modules[module].imports.iter().filter(|import| import.is_glob) {
                found.extend(self.through_glob(module, import, name, space, trail));
            }
        }
        trail.pop();
        found
    }

    fn through_glob<'a>(
        &'a self,
        module: ModuleId,
        import: &'a Import,
        name: &'a str,
        space: Namespace,
        trail: &mut Trail<'a>,
    ) -> Vec<Target> {
        let mut found = Vec::new();
        for from in self.walk(module, &import.path, Namespace::Types, trail) {
            match from {
                Target::Module(from) => found.extend(self.look_up(from, name, space, trail)),
                Target::Item(item) if item.variants.iter().any(|variant| variant == name) => {
                    found.push(Target::Item(item));
                }
                Target::Item(_) => {}
            }
        }
        found
    }

    /// Finds a macro by its bare name, in the module or in one around it.
    fn textual<'a>(&'a self, module: ModuleId, name: &'a str, trail: &mut Trail<'a>) -> Vec<Target> {
        let mut at = Some(module);
        while let Some(module) = at {
            let found = self.look_up(module, name, Namespace::Macros, trail);
            if !found.is_empty() {
                return found;
            }
            at = self.modules[module].parent;
        }
        Vec::new()
    }
}

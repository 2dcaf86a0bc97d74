//! Finds the names in the code of a crate, and the files that define them.

use proc_macro2::Ident;
use syn::visit::{self, Visit};

use super::associated::Associated;
use super::graph::Graph;
use super::scopes::Scopes;
use super::tokens::{MacroTokens, parts};
use crate::code::cfg::is_test_only;
use crate::code::items::{Namespace, SPACES, defined, imports, is_private, own_type};
use crate::code::modules::{Definition, ModuleId, Target, Tree, attrs};

/// Adds the names in the files of a crate to the graph.
pub(super) fn collect(tree: &Tree, graph: &mut Graph) {
    let associated = Associated::of(tree);
    for (id, module) in tree.modules.iter().enumerate() {
        let mut namer = Namer { tree, associated: &associated, module: id, scopes: Scopes::default(), graph };
        module.code.iter().for_each(|item| namer.visit_item(item));
    }
}

/// Walks the code of one module.
struct Namer<'a> {
    tree: &'a Tree,
    associated: &'a Associated,
    module: ModuleId,
    scopes: Scopes,
    graph: &'a mut Graph,
}

impl Namer<'_> {
    fn definitions(&self, path: &[String], space: Namespace) -> Vec<Definition> {
        let Some(path) = self.scopes.outside(path, space) else { return Vec::new() };
        let targets = self.tree.resolve(self.module, &path, space);
        let item = |target| if let Target::Item(item) = target { Some(item) } else { None };
        targets.into_iter().filter_map(item).collect()
    }

    /// Records the definition that a path refers to.
    fn name(&mut self, path: &[String], line: usize, space: Namespace) {
        let from = &self.tree.modules[self.module].file;
        for definition in self.definitions(path, space) {
            if let Some(name) = path.last() {
                for file in self.associated.files(&definition, name) {
                    self.graph.name(from, file, format!("{}::{name}", definition.name), line);
                }
            }
            self.graph.name(from, &definition.file, definition.name, line);
        }
    }

    fn name_path(&mut self, path: &syn::Path, space: Namespace) {
        if let (None, Some(first)) = (path.leading_colon, path.segments.first()) {
            self.name(&words(path.segments.iter().map(|segment| &segment.ident)), line(&first.ident), space);
        }
    }

    /// Records the trait of `<T as Trait>::name`: only its path resolves here. Records a plain path as a whole.
    fn name_qualified(&mut self, qself: Option<&syn::QSelf>, path: &syn::Path, space: Namespace) {
        let Some(qself) = qself else { return self.name_path(path, space) };
        let of_trait = path.segments.iter().take(qself.position).map(|segment| &segment.ident);
        if let (None, Some(first)) = (path.leading_colon, of_trait.clone().next()) {
            self.name(&words(of_trait), line(first), Namespace::Types);
        }
    }

    fn arguments(&mut self, qself: Option<&syn::QSelf>, path: &syn::Path) {
        if let Some(qself) = qself {
            self.visit_qself(qself);
        }
        path.segments.iter().for_each(|segment| self.visit_path_arguments(&segment.arguments));
    }

    fn bind(&mut self, space: Namespace, ident: &Ident) {
        self.scopes.bind(space, ident.to_string());
    }

    fn scoped(&mut self, visit: impl FnOnce(&mut Self)) {
        self.scopes.enter();
        visit(self);
        self.scopes.leave();
    }

    fn stmts(&mut self, stmts: &[syn::Stmt]) {
        self.scoped(|namer| {
            for stmt in stmts {
                if let syn::Stmt::Item(item) = stmt {
                    defined(item).into_iter().for_each(|item| namer.scopes.bind(item.space, item.name));
                }
            }
            stmts.iter().for_each(|stmt| namer.visit_stmt(stmt));
        });
    }
}

impl<'ast> Visit<'ast> for Namer<'_> {
    fn visit_item(&mut self, item: &'ast syn::Item) {
        match item {
            _ if is_test_only(attrs(item)) => {}
            // Visited without a scope: in a block, it brings names into the scope of the block.
            syn::Item::Use(item) => self.visit_item_use(item),
            item => self.scoped(|namer| visit::visit_item(namer, item)),
        }
    }

    fn visit_item_impl(&mut self, item: &'ast syn::ItemImpl) {
        if let Some(path) = own_type(item) {
            self.scopes.own_type(path);
        }
        visit::visit_item_impl(self, item);
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        for import in imports(item) {
            if is_private(item) {
                let spaces = if import.is_glob { &[Namespace::Types][..] } else { &SPACES };
                spaces.iter().for_each(|space| self.name(&import.path, import.line, *space));
            }
            self.scopes.import(&import);
        }
    }

    fn visit_item_mod(&mut self, _: &'ast syn::ItemMod) {}
    fn visit_attribute(&mut self, _: &'ast syn::Attribute) {}
    fn visit_visibility(&mut self, _: &'ast syn::Visibility) {}

    fn visit_impl_item(&mut self, item: &'ast syn::ImplItem) {
        let attrs = match item {
            syn::ImplItem::Const(item) => &item.attrs[..],
            syn::ImplItem::Fn(item) => &item.attrs,
            syn::ImplItem::Type(item) => &item.attrs,
            syn::ImplItem::Macro(item) => &item.attrs,
            _ => &[],
        };
        if !is_test_only(attrs) {
            self.scoped(|namer| visit::visit_impl_item(namer, item));
        }
    }

    fn visit_trait_item(&mut self, item: &'ast syn::TraitItem) {
        self.scoped(|namer| visit::visit_trait_item(namer, item));
    }

    fn visit_field(&mut self, field: &'ast syn::Field) {
        if !is_test_only(&field.attrs) {
            visit::visit_field(self, field);
        }
    }

    fn visit_field_value(&mut self, field: &'ast syn::FieldValue) {
        if !is_test_only(&field.attrs) {
            visit::visit_field_value(self, field);
        }
    }

    fn visit_type_param(&mut self, param: &'ast syn::TypeParam) {
        self.bind(Namespace::Types, &param.ident);
        visit::visit_type_param(self, param);
    }

    fn visit_const_param(&mut self, param: &'ast syn::ConstParam) {
        self.bind(Namespace::Values, &param.ident);
        visit::visit_const_param(self, param);
    }

    fn visit_block(&mut self, block: &'ast syn::Block) {
        self.stmts(&block.stmts);
    }

    fn visit_local(&mut self, local: &'ast syn::Local) {
        if is_test_only(&local.attrs) {
            return;
        }
        // The initializer comes before the pattern: the pattern's names are bound only after the statement.
        local.init.iter().for_each(|init| self.visit_local_init(init));
        self.visit_pat(&local.pat);
    }

    fn visit_expr_let(&mut self, expr: &'ast syn::ExprLet) {
        self.visit_expr(&expr.expr);
        self.visit_pat(&expr.pat);
    }

    fn visit_expr_if(&mut self, expr: &'ast syn::ExprIf) {
        self.scoped(|namer| {
            namer.visit_expr(&expr.cond);
            namer.visit_block(&expr.then_branch);
        });
        expr.else_branch.iter().for_each(|(_, branch)| self.visit_expr(branch));
    }

    fn visit_expr_while(&mut self, expr: &'ast syn::ExprWhile) {
        self.scoped(|namer| visit::visit_expr_while(namer, expr));
    }

    fn visit_expr_for_loop(&mut self, expr: &'ast syn::ExprForLoop) {
        self.visit_expr(&expr.expr);
        self.scoped(|namer| {
            namer.visit_pat(&expr.pat);
            namer.visit_block(&expr.body);
        });
    }

    fn visit_expr_closure(&mut self, expr: &'ast syn::ExprClosure) {
        self.scoped(|namer| visit::visit_expr_closure(namer, expr));
    }

    fn visit_arm(&mut self, arm: &'ast syn::Arm) {
        if !is_test_only(&arm.attrs) {
            self.scoped(|namer| visit::visit_arm(namer, arm));
        }
    }

    fn visit_expr_assign(&mut self, expr: &'ast syn::ExprAssign) {
        // The left side is a variable. In a macro, it may be the name of a field or of an argument.
        if !matches!(&*expr.left, syn::Expr::Path(path) if path.path.get_ident().is_some()) {
            self.visit_expr(&expr.left);
        }
        self.visit_expr(&expr.right);
    }

    fn visit_pat_ident(&mut self, pat: &'ast syn::PatIdent) {
        if let Some((_, subpat)) = &pat.subpat {
            self.visit_pat(subpat);
        }
        let path = words([&pat.ident]);
        let is_plain = pat.by_ref.is_none() && pat.mutability.is_none() && pat.subpat.is_none();
        if is_plain && self.definitions(&path, Namespace::Values).iter().any(|definition| definition.is_pattern) {
            self.name(&path, line(&pat.ident), Namespace::Values);
        } else {
            self.bind(Namespace::Values, &pat.ident);
        }
    }

    fn visit_pat_tuple_struct(&mut self, pat: &'ast syn::PatTupleStruct) {
        self.name_qualified(pat.qself.as_ref(), &pat.path, Namespace::Values);
        self.arguments(pat.qself.as_ref(), &pat.path);
        pat.elems.iter().for_each(|pat| self.visit_pat(pat));
    }

    fn visit_expr_path(&mut self, expr: &'ast syn::ExprPath) {
        self.name_qualified(expr.qself.as_ref(), &expr.path, Namespace::Values);
        self.arguments(expr.qself.as_ref(), &expr.path);
    }

    fn visit_type_path(&mut self, ty: &'ast syn::TypePath) {
        self.name_qualified(ty.qself.as_ref(), &ty.path, Namespace::Types);
        self.arguments(ty.qself.as_ref(), &ty.path);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        self.name_path(path, Namespace::Types);
        self.arguments(None, path);
    }

    fn visit_macro(&mut self, mac: &'ast syn::Macro) {
        self.name_path(&mac.path, Namespace::Macros);
        // Bindings of a pattern or a `let` in the tokens end with the macro.
        self.scopes.enter();
        for part in parts(mac) {
            match part {
                MacroTokens::Expr(expr) => self.visit_expr(&expr),
                MacroTokens::Struct(item) => self.visit_item_struct(&item),
                MacroTokens::Stmts(stmts) => self.stmts(&stmts),
                MacroTokens::Bound(ident) => self.bind(Namespace::Values, &ident),
                MacroTokens::Path(path) => {
                    let words = words(&path);
                    SPACES.iter().for_each(|space| self.name(&words, line(&path[0]), *space));
                }
            }
        }
        self.scopes.leave();
    }
}

fn words<'a>(idents: impl IntoIterator<Item = &'a Ident>) -> Vec<String> {
    idents.into_iter().map(Ident::to_string).collect()
}

fn line(ident: &Ident) -> usize {
    ident.span().start().line
}

//! Whole programs as definitions: [`Linker::module`] by the conventions of WASI commands and reactors. Knows only
//! names.

use super::{AsContextMut, Extern, ExternType, InstancePre, Linker, Module, Result};
use anyhow::{Context, bail};

impl<T: 'static> Linker<T> {
    /// Defines the exports of `module` under the name `module_name`, by the convention that `module` follows:
    ///
    /// - a *command*, which exports a function `_start`: each call of an export gets an instance of its own;
    /// - a *reactor* (anything else) is instantiated now, in `store`, and its `_initialize` is called if it has one.
    ///
    /// # Errors
    /// When a name is taken, and as [`Linker::instantiate`].
    ///
    /// # Panics
    /// As [`Instance::new`](super::Instance::new).
    pub fn module(
        &mut self,
        mut store: impl AsContextMut<Data = T>,
        module_name: &str,
        module: &Module,
    ) -> Result<&mut Self> {
        if matches!(module.get_export("_start"), Some(ExternType::Func(_))) {
            return self.command(module_name, module);
        }
        let instance = self.instantiate(&mut store, module)?;
        if let Some(Extern::Func(initialize)) = instance.get_export(&mut store, "_initialize") {
            let initialize = initialize.typed::<(), ()>(&store)?;
            initialize.call(&mut store, ()).context("calling the Reactor initialization function")?;
        }
        self.instance(store, module_name, instance)
    }

    fn command(&mut self, module_name: &str, module: &Module) -> Result<&mut Self> {
        let pre = self.instantiate_pre(module)?;
        for export in module.exports() {
            let name = export.name();
            match export.ty() {
                ExternType::Func(ty) => {
                    let (pre, export): (InstancePre<T>, String) = (pre.clone(), name.to_owned());
                    self.func_new(module_name, name, ty, move |mut caller, params, results| {
                        let instance = pre.instantiate(&mut caller)?;
                        let func = instance.get_func(&mut caller, &export).context("the export is gone")?;
                        func.call(&mut caller, params, results)
                    })?;
                }
                ExternType::Memory(_) if name == "memory" => {}
                ExternType::Table(_) if matches!(name, "table" | "__indirect_function_table") => {}
                ExternType::Global(_) if matches!(name, "__data_end" | "__heap_base" | "__dso_handle") => {}
                _ if self.allow_unknown_exports => {}
                _ => bail!("command export `{name}` is not a function"),
            }
        }
        Ok(self)
    }
}

//! Stands in for parts that land next: the executor's stores and the session. Removed as they do.

pub(crate) mod rt {
    use latier_runtime::abi::{FuncIndex, TrapCode};
    use latier_runtime::types::{FuncType, GlobalType, MemoryType, TableType, TypeRegistry};
    use std::any::Any;
    use std::ops::{Deref, DerefMut};
    use std::sync::Arc;

    pub type HostFailure = Box<dyn Any + Send>;
    pub type HostFn<T> = Arc<dyn Fn(&mut HostCall<'_, T>) -> Result<(), HostFailure> + Send + Sync>;

    pub struct Unwind {
        pub reason: UnwindReason,
        pub backtrace: Vec<RawFrame>,
    }
    pub enum UnwindReason {
        Trap { code: TrapCode, message: Option<String> },
        Host(HostFailure),
        Panic(Box<dyn Any + Send>),
    }
    #[derive(Clone, Copy, Debug)]
    pub struct ModuleToken;
    #[derive(Clone, Copy, Debug)]
    pub struct RawFrame {
        pub module: ModuleToken,
        pub function: FuncIndex,
        pub body_offset: u64,
        pub wasm_offset: u32,
    }
    pub enum CallError {
        Type(String),
        Unwind(Box<Unwind>),
    }
    pub struct Module;
    pub struct StoreInner;
    pub struct Store<T> {
        data: T,
        inner: StoreInner,
    }
    impl<T> Deref for Store<T> {
        type Target = StoreInner;
        fn deref(&self) -> &StoreInner {
            &self.inner
        }
    }
    impl<T> DerefMut for Store<T> {
        fn deref_mut(&mut self) -> &mut StoreInner {
            &mut self.inner
        }
    }
    #[derive(Default)]
    pub struct Limits {
        pub memory_bytes: Option<u64>,
        pub table_elements: Option<u64>,
        pub instances: Option<u64>,
    }
    impl StoreInner {
        pub fn set_limits(&mut self, _limits: Limits) {}
        pub fn set_max_stack(&mut self, _bytes: usize) {}
    }
    impl<T> Store<T> {
        pub fn new(_types: Arc<TypeRegistry>, data: T) -> Store<T> {
            Store { data, inner: StoreInner }
        }
        pub fn data(&self) -> &T {
            &self.data
        }
        pub fn data_mut(&mut self) -> &mut T {
            &mut self.data
        }
        pub fn into_data(self) -> T {
            self.data
        }
        pub fn instantiate(&mut self, _: &Arc<Module>, _: &[Extern]) -> Result<Instance, String> {
            Err("not yet".into())
        }
    }

    macro_rules! handles {
        ($($name:ident)*) => { $(#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)] pub struct $name;)* };
    }
    handles!(Func Memory Table Global Instance ExternRef);
    #[derive(Clone, Copy, Debug)]
    pub enum Extern {
        Func(Func),
        Memory(Memory),
        Table(Table),
        Global(Global),
    }
    #[derive(Clone, Copy, Debug)]
    pub enum Val {
        I32(i32),
        I64(i64),
        F32(u32),
        F64(u64),
        V128(u128),
        FuncRef(Option<Func>),
        ExternRef(Option<ExternRef>),
    }

    pub struct HostCall<'a, T>(&'a mut Store<T>);
    impl<T> HostCall<'_, T> {
        pub fn arg<A: WasmTy>(&self, _: usize) -> A {
            unimplemented!()
        }
        pub fn set_result<A: WasmTy>(&mut self, _: usize, _: A) {}
        pub fn val(&self, _: usize) -> Val {
            Val::I32(0)
        }
        pub fn set_val(&mut self, _: usize, _: Val) {}
        pub fn store(&mut self) -> &mut Store<T> {
            self.0
        }
        pub fn caller_instance(&self) -> Option<Instance> {
            None
        }
    }
    pub trait WasmTy {}
    macro_rules! ty {
        ($($t:ty),*) => { $(impl WasmTy for $t {})* };
    }
    ty!(i32, u32, i64, u64, f32, f64, Option<Func>, Option<ExternRef>, u128);
    pub trait WasmValues {}
    macro_rules! tuples {
        ($($n:ident)*) => {
            impl<$($n: WasmTy),*> WasmValues for ($($n,)*) {}
        };
    }
    super::super::typed::for_each_arity!(tuples);

    impl Instance {
        pub fn start_func(self, _: &StoreInner) -> Option<Func> {
            None
        }
        pub fn export(self, _: &StoreInner, _: &str) -> Option<Extern> {
            None
        }
        pub fn exports(self, _: &StoreInner) -> Vec<(String, Extern)> {
            Vec::new()
        }
    }
    impl Func {
        pub fn new_host<T: 'static>(_: &mut Store<T>, _: FuncType, _: HostFn<T>) -> Func {
            Func
        }
        pub fn ty(self, _: &StoreInner) -> Arc<FuncType> {
            unimplemented!()
        }
        pub fn call<T>(self, _: &mut Store<T>, _: &[Val], _: &mut [Val]) -> Result<(), CallError> {
            Ok(())
        }
        pub fn call_typed<T, P: WasmValues, R: WasmValues>(
            self,
            _: &mut Store<T>,
            _: P,
        ) -> Result<R, Box<Unwind>> {
            unimplemented!()
        }
    }
    impl Memory {
        pub fn new(_: &mut StoreInner, _: MemoryType) -> Result<Memory, String> {
            Ok(Memory)
        }
        pub fn ty(self, _: &StoreInner) -> MemoryType {
            unimplemented!()
        }
        pub fn data(self, _: &StoreInner) -> &[u8] {
            &[]
        }
        pub fn data_mut(self, _: &mut StoreInner) -> &mut [u8] {
            &mut []
        }
        pub fn data_and_store_mut<T>(self, store: &mut Store<T>) -> (&mut [u8], &mut T) {
            (&mut [], &mut store.data)
        }
        pub fn size(self, _: &StoreInner) -> u64 {
            0
        }
        pub fn grow(self, _: &mut StoreInner, _: u64) -> Option<u64> {
            None
        }
    }
    impl Table {
        pub fn new(_: &mut StoreInner, _: TableType, _: Val) -> Result<Table, String> {
            Ok(Table)
        }
        pub fn ty(self, _: &StoreInner) -> TableType {
            unimplemented!()
        }
        pub fn size(self, _: &StoreInner) -> u64 {
            0
        }
        pub fn get(self, _: &mut StoreInner, _: u64) -> Option<Val> {
            None
        }
        pub fn set(self, _: &mut StoreInner, _: u64, _: Val) -> Result<(), String> {
            Ok(())
        }
        pub fn grow(self, _: &mut StoreInner, _: u64, _: Val) -> Option<u64> {
            None
        }
    }
    impl Global {
        pub fn new(_: &mut StoreInner, _: GlobalType, _: Val) -> Result<Global, String> {
            Ok(Global)
        }
        pub fn ty(self, _: &StoreInner) -> GlobalType {
            unimplemented!()
        }
        pub fn get(self, _: &mut StoreInner) -> Val {
            Val::I32(0)
        }
        pub fn set(self, _: &mut StoreInner, _: Val) -> Result<(), String> {
            Ok(())
        }
    }
    impl ExternRef {
        pub fn new(_: &mut StoreInner, _: Box<dyn Any + Send + Sync>) -> ExternRef {
            ExternRef
        }
        pub fn data(self, _: &StoreInner) -> &(dyn Any + Send + Sync) {
            &()
        }
    }
}

pub(crate) mod session {
    use super::rt;
    use latier_runtime::abi::FuncIndex;
    use latier_runtime::module::ModuleDesc;
    use latier_runtime::types::TypeRegistry;
    use std::path::PathBuf;
    use std::sync::Arc;

    /// How functions are compiled.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub enum Mode {
        /// The default.
        #[default]
        Tiered,
        /// The first tier, lazily.
        Baseline,
        /// Cranelift without optimizing, lazily.
        Fast,
        /// Optimized, lazily.
        Optimized,
        /// The first tier, everything before the start.
        EagerBaseline,
        /// Optimized, everything before the start.
        EagerOptimized,
    }
    /// When bodies are validated.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub enum Validation {
        /// When first called.
        Lazy,
        /// When the module is made.
        #[default]
        Eager,
    }
    /// Hears what happens to functions.
    pub trait Listener: Send + Sync {
        /// Something happened.
        fn event(&self, event: &Event<'_>);
    }
    /// What happened.
    pub struct Event<'a>(#[allow(missing_docs)] pub &'a ());
    #[derive(Clone, Copy, Debug, Default)]
    /// Wasm features.
    pub struct Features;

    #[derive(Clone, Default)]
    pub struct SessionConfig {
        pub mode: Mode,
        pub validation: Validation,
        pub features: Features,
        pub listeners: Vec<Arc<dyn Listener>>,
        pub dump_objects: Option<PathBuf>,
    }
    pub struct Session {
        types: Arc<TypeRegistry>,
        _config: SessionConfig,
    }
    impl Session {
        pub fn new(_config: SessionConfig) -> Result<Arc<Session>, String> {
            Ok(Arc::new(Session { types: Arc::default(), _config }))
        }
        pub fn types(&self) -> &Arc<TypeRegistry> {
            &self.types
        }
        pub fn add_module(&self, _bytes: Vec<u8>) -> Result<Arc<LoadedModule>, String> {
            Err("not yet".into())
        }
        pub fn module_of(&self, _token: rt::ModuleToken) -> Option<Arc<LoadedModule>> {
            None
        }
    }
    pub struct LoadedModule {
        runtime: Arc<rt::Module>,
        desc: ModuleDesc,
    }
    impl LoadedModule {
        pub fn runtime(&self) -> &Arc<rt::Module> {
            &self.runtime
        }
        pub fn desc(&self) -> &ModuleDesc {
            &self.desc
        }
        pub fn func_name(&self, _: FuncIndex) -> Option<String> {
            None
        }
    }
}

use std::cell::Cell;

#[rpc::service]
trait Counter {
    fn next(&self) -> u64;
}

struct InMemory(Cell<u64>);

impl Counter for InMemory {
    fn next(&self) -> u64 {
        self.0.replace(self.0.get() + 1)
    }
}

fn main() {}

/// Takes `count` steps of a random walk. It gives way now and then: the tests that drive an event loop wait for their turn while
/// their engines go on.
package func takeSteps(_ count: Int, _ step: () -> Void) async {
    for number in 0..<count {
        step()
        if number.isMultiple(of: 20) { await Task.yield() }
    }
}

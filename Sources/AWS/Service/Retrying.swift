/// How a call is tried again, and who hears of its failures meanwhile. Confined to the call's loop.
package struct Retrying {
    package let policy: RetryPolicy
    /// Called with each failure behind which the call goes on; that with which it ends is thrown.
    let onFailure: (AWSError) -> Void

    package init(_ policy: RetryPolicy, onFailure: @escaping (AWSError) -> Void = { _ in }) {
        self.policy = policy
        self.onFailure = onFailure
    }

    /// The same, with one more who hears of the failures.
    package func telling(_ listener: @escaping (AWSError) -> Void) -> Retrying {
        Retrying(policy) { [onFailure] error in
            onFailure(error)
            listener(error)
        }
    }
}

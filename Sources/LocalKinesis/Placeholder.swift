// LocalKinesis

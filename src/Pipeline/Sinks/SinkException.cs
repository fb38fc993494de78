namespace StreamMLOps.Pipeline;

/// <summary>A sink that does not take a record and will not take it later: says what, where and what to do.</summary>
public sealed class SinkException(string message, Exception? inner = null) : Exception(message, inner);

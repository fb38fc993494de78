namespace StreamMLOps.Pipeline;

/// <summary>A source that cannot be reached at present: trying again later may help, without anybody acting here.</summary>
public sealed class SourceUnavailableException(string message, Exception? inner = null) : Exception(message, inner);

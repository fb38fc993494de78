using System.Text.Json.Serialization;
using StreamMLOps.Actors;

namespace StreamMLOps.Host;

/// <summary>What a person asks of the node that runs on a data folder.</summary>
/// <param name="Command"><c>freeze</c>, <c>thaw</c> or <c>revoke</c>.</param>
/// <param name="Pipeline">Name of the pipeline; null: the only one.</param>
/// <param name="Who">Who asks, for the journal.</param>
/// <param name="Why">The reason, for the journal.</param>
/// <param name="Group">The group of pseudo-labels that is meant; 0: the current one.</param>
public sealed record ControlRequest(string Command, string? Pipeline, string Who, string Why, long Group = 0)
{
    /// <summary>The learner's message; null: this version does not know the command.</summary>
    public object? Message() => Command switch
    {
        "freeze" => new Freeze(Who, Why),
        "thaw" => new Thaw(Who, Why),
        "revoke" => new Revoke(Who, Why, Group),
        _ => null,
    };
}

/// <summary>What became of it: it is in the journal as a version, or why nothing was changed.</summary>
/// <param name="Pipeline">Name of the pipeline.</param>
/// <param name="Version">The version; null: nothing was changed.</param>
/// <param name="Refusal">Why nothing was changed.</param>
public sealed record ControlAnswer(string Pipeline, string? Version, string Refusal)
{
    /// <summary>Nothing was changed.</summary>
    public static ControlAnswer Refused(string why, string pipeline = "") => new(pipeline, null, why);
}

[JsonSerializable(typeof(ControlRequest))]
[JsonSerializable(typeof(ControlAnswer))]
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.KebabCaseLower)]
internal sealed partial class ControlJson : JsonSerializerContext;

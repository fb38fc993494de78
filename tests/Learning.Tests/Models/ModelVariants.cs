using System.Buffers;

namespace StreamMLOps.Learning.Tests.Models;

/// <summary>
/// Every registered kind as the contract suite runs it: with defaults, and with each option of each of its choices. A new kind is covered by being registered.
/// </summary>
internal static class ModelVariants
{
    public static IReadOnlyList<ModelVariant> All { get; } = [.. ModelRegistry.Kinds.SelectMany(Of).DistinctBy(v => v.Spec.ToCanonicalString())];

    public static TheoryData<string> Names => [.. All.Select(v => v.Name)];

    public static ModelVariant Find(string name) => All.Single(v => v.Name == name);

    private static IEnumerable<ModelVariant> Of(ModelKind kind)
    {
        var plain = ConfigNode.Of(("algorithm", kind.Name), ("seed", "7"));
        yield return new(kind.Name, ModelSpec.Parse(plain));
        foreach (var list in kind.Parameters.OfType<Parameter.Choices>().Where(_ => kind.Task == LearningTask.Binary))
        {
            foreach (var option in list.Options)
            {
                yield return new($"{kind.Name}.{list.Name}-{option.Name}", ModelSpec.Parse(plain.With(list.Name, new ConfigNode.List([new ConfigNode.Text(option.Name)]))));
                foreach (var flag in option.Parameters.OfType<Parameter.Flag>())
                {
                    var other = ConfigNode.Map.Empty.With(option.Name, ConfigNode.Of((flag.Name, flag.Default ? "off" : "on")));
                    yield return new($"{kind.Name}.{option.Name}.{flag.Name}-{(flag.Default ? "off" : "on")}", ModelSpec.Parse(plain.With(list.Name, new ConfigNode.List([other]))));
                }
            }
        }
        var choices = kind.Parameters.OfType<Parameter.Choice>().ToArray();
        foreach (var choice in choices)
        {
            // Detectors have a contract suite of their own: one kind shows that they are held.
            if (choice.Name == "drift" && kind.Task != LearningTask.Binary) continue;
            foreach (var option in choice.Options)
            {
                var chosen = plain.With(choice.Name, option.Name);
                yield return new($"{kind.Name}.{choice.Name}-{option.Name}", ModelSpec.Parse(chosen));
                foreach (var inner in option.Parameters.OfType<Parameter.Choice>().SelectMany(c => c.Options.Select(o => (c, o))))
                {
                    var deep = plain.With(choice.Name, ConfigNode.Map.Empty.With(option.Name, ConfigNode.Of((inner.c.Name, inner.o.Name))));
                    yield return new($"{kind.Name}.{option.Name}.{inner.c.Name}-{inner.o.Name}", ModelSpec.Parse(deep));
                }
                if (option.Parameters.Any(p => p.Name == "l1"))
                {
                    var sparse = plain.With(choice.Name, ConfigNode.Map.Empty.With(option.Name, ConfigNode.Of(("l1", "0.05"))));
                    yield return new($"{kind.Name}.{option.Name}.l1", ModelSpec.Parse(sparse));
                    if (choices.Any(c => c.Name == "precision")) yield return new($"{kind.Name}.{option.Name}.l1.double", ModelSpec.Parse(sparse.With("precision", "double")));
                }
                // Precision multiplies with everything: each number type is code of its own.
                if (choice.Name != "precision" && choices.Any(c => c.Name == "precision"))
                    yield return new($"{kind.Name}.{choice.Name}-{option.Name}.double", ModelSpec.Parse(chosen.With("precision", "double")));
            }
        }
    }
}

/// <summary>A specification with a name for people.</summary>
internal sealed record ModelVariant(string Name, ModelSpec Spec)
{
    public IModel Create() => Spec.Create();

    /// <summary>A learner after the first rows of the probe stream.</summary>
    public ProgressiveLearner LearnerAfter(int rows)
    {
        var learner = new ProgressiveLearner(Spec);
        Fold(learner, 0, rows);
        return learner;
    }

    public StateHash HashAfter(int rows) => StateHash.Of(LearnerAfter(rows).Save);

    public void Fold(ProgressiveLearner learner, int from, int to)
    {
        using var batch = ProbeStream.Rows(Spec.Kind.Task, from, to);
        for (var i = 0; i < batch.Count; i++) learner.Learn(batch[i], ProgressiveLearner.ContentOf(batch, i), batch.Labels[i]);
    }

    public override string ToString() => Name;
}

/// <summary>Rows that every machine makes alike: sparse and dense, empty, unseen features, values huge and tiny, with something to learn in them.</summary>
internal static class ProbeStream
{
    public static RowBatch Rows(LearningTask task, int from, int to)
    {
        var batch = new RowBatch();
        for (var i = from; i < to; i++)
        {
            var state = (ulong)i * 0x9E3779B97F4A7C15 + 12345;
            var count = (int)(Next(ref state) % 40);
            batch.BeginRow();
            var sum = 0.0;
            for (var k = 0; k < count; k++)
            {
                // Squared: low features are common. The vocabulary grows with the row number.
                var u = Next(ref state) % 1000;
                var feature = (uint)(u * u / (2_000_000 / (ulong)(1000 + i)));
                var value = (Next(ref state) % 4) switch { 0 => 1.0, 1 => -0.5, 2 => (Next(ref state) % 1_000_003) / 1_000_003.0, _ => 2.25 };
                if (Next(ref state) % 701 == 0) value *= 1e30;
                if (Next(ref state) % 703 == 0) value *= 1e-30;
                batch.Add(feature, value);
                sum += Math.Clamp(value, -3, 3) * ((int)(feature % 7) - 3);
            }
            var label = task switch
            {
                LearningTask.Binary => sum > 0 ? 1 : i % 2 == 0 ? 0 : -1,
                LearningTask.MultiClass => sum > 2 ? 2 : sum > 0 ? 1 : 0,
                LearningTask.Regression => sum,
                LearningTask.Anomaly => double.NaN,
                LearningTask.Clustering => double.NaN,
                _ => throw new ArgumentOutOfRangeException(nameof(task), task, "no probe labels for this task"),
            };
            Assert.Equal(RowFault.None, batch.TryEndRow(label));
        }
        return batch;
    }

    /// <summary>Fingerprint of rows read from svmlight text.</summary>
    public static ulong ParsedTextHash(int rows)
    {
        using var batch = new RowBatch();
        var hash = 0UL;
        for (var i = 0; i < rows; i++)
        {
            var state = (ulong)i * 977 + 1;
            var index = 0UL;
            var line = new System.Text.StringBuilder(i % 2 == 0 ? "+1" : "-1");
            for (var k = 0; k < 130; k++)
            {
                index += 1 + Next(ref state) % 5000;
                line.Append(' ').Append(index).Append(':').Append((Next(ref state) % 4) switch { 0 => "0.", 1 => "-1.5e", _ => "" }).Append(Next(ref state) % 9 + 1);
            }
            Assert.Equal(RowFault.None, SvmLightParser.Parse(System.Text.Encoding.ASCII.GetBytes(line.ToString()), batch, out _));
            hash = hash * 31 + ProgressiveLearner.ContentOf(batch, i);
        }
        return hash;
    }

    public static byte[] Bytes(Action<StateWriter> save)
    {
        var output = new ArrayBufferWriter<byte>();
        save(new StateWriter(output));
        return output.WrittenSpan.ToArray();
    }

    private static ulong Next(ref ulong state)
    {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        return state >> 11;
    }
}

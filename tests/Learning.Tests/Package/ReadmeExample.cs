namespace StreamMLOps.Learning.Tests.Package;

/// <summary>The example of the package's README: what stands between the two marks is what the README shows, and it runs.</summary>
internal static class ReadmeExample
{
    public static void Run()
    {
        // <example>
        // A model is its settings; equal settings and rows give equal bits on every machine.
        var spec = ModelSpec.Parse(ConfigNode.Of(("algorithm", "linear-classifier"), ("optimizer", "coin")));
        var model = spec.Create();
        var auc = MetricRegistry.Create("roc-auc", LearningTask.Binary, ("span", "window"));
        var drift = DriftDetectorRegistry.Create(new ConfigNode.Text("adwin"), "example.drift", [])!;

        // Rows are sparse: label, then feature:value. A feature may appear at any time.
        string[] lines = ["+1 3:1 17:0.5 4096:1", "-1 3:1 18:2", "+1 17:1 99999:1", "-1 18:1 77:0.25"];
        using var rows = new RowBatch();
        foreach (var line in lines)
            if (SvmLightParser.Parse(System.Text.Encoding.UTF8.GetBytes(line), rows, out var column) is not RowFault.None and var fault)
                throw new FormatException($"{fault} at byte {column} of: {line}");

        // Progressive validation: each row is scored before it is learned.
        var score = new double[1];
        for (var i = 0; i < rows.Count; i++)
        {
            model.PredictThenLearn(rows[i], rows.Labels[i], weight: 1, score);
            auc.Update(rows.Labels[i], score);
            var wrong = score[0] > 0.5 != rows.Labels[i] > 0;
            if (drift.Update(wrong ? 1 : 0) == DriftState.Drift) Console.WriteLine($"drift at row {i}");
        }
        Console.WriteLine($"AUC {auc.Value:F2}, {model.Features} features, state {StateHash.Of(model)}");

        // The state is canonical bytes: equal states are equal bytes, and what is loaded goes on exactly.
        var bytes = new System.Buffers.ArrayBufferWriter<byte>();
        model.Save(new StateWriter(bytes));
        var copy = spec.Create();
        copy.Load(new StateReader(bytes.WrittenMemory));
        // </example>
        Assert.Equal(StateHash.Of(model), StateHash.Of(copy));
        Assert.Equal(6, model.Features);
        Assert.True(double.IsFinite(auc.Value));
    }
}

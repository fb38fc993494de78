namespace StreamMLOps.Learning.Tests.Models;

/// <summary>
/// States written once and kept: <c>VARIANT.bin</c>, and its hash in <c>hashes.txt</c>. Old bytes stay readable, and arithmetic that changes is a new revision of the kind.
/// </summary>
/// <remarks>
/// Files named <c>.r2-first</c> are revision 2 of leveraging bagging and of patches as it first was: then their naive Bayes was smoothed by the weight of a row, under the same number, so that states
/// of both exist; both load. The files of revision 1 of trees and forests are that revision as it was last: its bytes had changed once before, also without a new number, and no reader can tell
/// by the number which of the two it has before it; the first form is no longer read.
/// </remarks>
internal static class GoldenStates
{
    public const int Rows = 24;

    public static string FileOf(ModelVariant variant) => $"{variant.Name}.r{variant.Spec.Kind.Revision}.bin";

    public static void WriteMissing(string folder)
    {
        var hashes = Path.Combine(folder, "hashes.txt");
        foreach (var variant in ModelVariants.All)
        {
            var file = Path.Combine(folder, FileOf(variant));
            if (File.Exists(file)) continue;
            var bytes = ProbeStream.Bytes(variant.LearnerAfter(Rows).Save);
            File.WriteAllBytes(file, bytes);
            File.AppendAllText(hashes, $"{FileOf(variant)} {StateHash.Of(bytes)}\n");
            Console.WriteLine(file);
        }
    }
}

public class GoldenStateTests
{
    private static readonly string Folder = Path.Combine(AppContext.BaseDirectory, "Golden");

    public static TheoryData<string> Variants => ModelVariants.Names;

    /// <summary>Files of revisions that are no longer computed.</summary>
    public static TheoryData<string> Earlier =>
        [.. Directory.EnumerateFiles(Folder, "*.r*.bin").Select(f => Path.GetFileName(f)).Except(ModelVariants.All.Select(GoldenStates.FileOf)).Order(StringComparer.Ordinal)];

    [Theory, MemberData(nameof(Earlier))]
    public void The_golden_state_of_an_earlier_revision_loads_and_goes_on_learning(string file)
    {
        var variant = ModelVariants.Find(file[..file.LastIndexOf(".r", StringComparison.Ordinal)]);
        var (learner, again) = (new ProgressiveLearner(variant.Spec), new ProgressiveLearner(variant.Spec));
        learner.Load(new StateReader(File.ReadAllBytes(Path.Combine(Folder, file))));
        variant.Fold(learner, GoldenStates.Rows, 300);

        // What it becomes is a state like any other.
        again.Load(new StateReader(ProbeStream.Bytes(learner.Save)));
        Assert.Equal(StateHash.Of(learner.Save), StateHash.Of(again.Save));
        using var rows = ProbeStream.Rows(variant.Spec.Kind.Task, 0, 100);
        for (var i = 0; i < rows.Count; i++) Assert.All(learner.Predict(rows[i]).ToArray(), s => Assert.True(double.IsFinite(s)));
    }

    /// <summary>Files must not be written anew: what they were is recorded with them.</summary>
    [Fact]
    public void Every_golden_state_is_the_one_recorded_and_none_is_missing()
    {
        var recorded = File.ReadLines(Path.Combine(Folder, "hashes.txt")).Select(l => l.Split(' ')).ToDictionary(l => l[0], l => l[1]);
        var files = Directory.EnumerateFiles(Folder, "*.r*.bin").ToDictionary(f => Path.GetFileName(f), f => StateHash.Of(File.ReadAllBytes(f)).ToString());
        Assert.Equal(recorded.OrderBy(r => r.Key, StringComparer.Ordinal), files.OrderBy(r => r.Key, StringComparer.Ordinal));
    }

    [Theory, MemberData(nameof(Variants))]
    public void The_golden_state_loads_to_its_recorded_hash_and_is_what_learning_gives_today(string name)
    {
        var variant = ModelVariants.Find(name);
        var file = Path.Combine(Folder, GoldenStates.FileOf(variant));
        Assert.True(File.Exists(file), $"no golden state of {name}: run this assembly with 'golden tests/Learning.Tests/Golden' and commit the file");
        var recorded = File.ReadLines(Path.Combine(Folder, "hashes.txt")).Select(l => l.Split(' ')).Single(l => l[0] == GoldenStates.FileOf(variant))[1];
        var learner = new ProgressiveLearner(variant.Spec);
        learner.Load(new StateReader(File.ReadAllBytes(file)));

        Assert.Equal(recorded, StateHash.Of(learner.Save).ToString());
        Assert.Equal(recorded, variant.HashAfter(GoldenStates.Rows).ToString());
    }
}

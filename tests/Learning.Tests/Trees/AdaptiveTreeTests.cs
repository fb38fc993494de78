using StreamMLOps.Learning.Tests.Models;

namespace StreamMLOps.Learning.Tests.Trees;

/// <summary>Rows of ten numbers whose classes change sides at row 5,000 of 10,000.</summary>
public class AdaptiveTreeTests
{
    private const int Rows = 10_000, Drift = 5_000;

    [Theory]
    [InlineData(1, "hoeffding-adaptive-tree")]       // a single leaf
    [InlineData(5_000, "hoeffding-adaptive-tree")]
    [InlineData(1, "hoeffding-adaptive-tree-multi-class")]
    public void An_adaptive_tree_follows_a_stream_whose_classes_change_sides_and_a_plain_one_stays_behind(int leaves, string kind)
    {
        var (adaptive, plain) = (Errors(kind, 0, leaves), Errors(kind.Replace("-adaptive", "", StringComparison.Ordinal), 0, leaves));
        // As good as each other as long as nothing changes.
        Assert.Equal(plain[1_000..Drift].Average(), adaptive[1_000..Drift].Average(), 0.01);
        var before = adaptive[(Drift - 1_000)..Drift].Average();
        Assert.InRange(adaptive[(Drift + 1_000)..(Drift + 2_000)].Average(), 0, before + 0.03);
        // A plain tree can only grow new leaves.
        var (ours, theirs) = (adaptive[Drift..(Drift + 2_000)].Average(), plain[Drift..(Drift + 2_000)].Average());
        Assert.True(theirs > 1.5 * ours, $"adaptive {ours}, plain {theirs}: the stream shows nothing");
    }

    [Fact]
    public void Leaves_that_begin_anew_follow_sooner_than_revision_2_which_goes_on_counting()
    {
        foreach (var leaves in new[] { 1, 5_000 })
        {
            var (now, before) = (Errors("hoeffding-adaptive-tree", 0, leaves), Errors("hoeffding-adaptive-tree", 2, leaves));
            Assert.True(now[Drift..].Average() < 0.8 * before[Drift..].Average(), $"{leaves} leaves: {now[Drift..].Average()}, revision 2 {before[Drift..].Average()}");
        }
    }

    // One label in a hundred is wrong, then four are, and no tree can do anything about it: alternates begin, and are as good as what they would replace.
    [Fact]
    public void An_alternate_that_is_as_good_as_its_branch_is_given_up_and_in_revision_4_it_grew_beside_it()
    {
        (double Error, int Size) After(int revision)
        {
            const int rows = 60_000, change = 10_000;
            var learner = new ProgressiveLearner(Spec("hoeffding-adaptive-tree", revision, 5_000));
            var random = new Random(3);
            var score = new double[1];
            var wrong = 0;
            for (var i = 0; i < rows; i++)
            {
                double[] values = [random.NextDouble(), random.NextDouble()];
                var label = values[0] > 0.5 != random.NextDouble() < (i < change ? 0.01 : 0.04) ? 1 : 0;
                learner.Model.PredictThenLearn(new Row([0, 1], values), label, 1, score);
                if (score[0] > 0.5 != label > 0) wrong++;
            }
            return (wrong / (double)rows, ProbeStream.Bytes(learner.Model.Save).Length);
        }
        var (now, before) = (After(0), After(4));
        Assert.Equal(before.Error, now.Error, 0.001);
        Assert.True(now.Size < 0.7 * before.Size, $"{now.Size} bytes of state, in revision 4 {before.Size}");
    }

    // What revisions compute over this stream, recorded when the next one began: journals name them.
    [Theory]
    [InlineData("hoeffding-adaptive-tree", 2, "d4a35ed135b213aaa2c769ed1f21e385")]
    [InlineData("hoeffding-adaptive-tree", 3, "4dab131c45c0e6c1de51d284da0b8cd4")]
    [InlineData("hoeffding-adaptive-tree-multi-class", 2, "567aa3ac4491823524fd024490159d26")]
    [InlineData("hoeffding-adaptive-tree-multi-class", 3, "48474fc5dfa30a68a57ec8d98b84e192")]
    [InlineData("hoeffding-tree", 2, "5ecc1a345ada9ec2d1b9a1f68450d159")]
    [InlineData("hoeffding-tree-multi-class", 2, "1ec86e60f1c05687610f018d0913b988")]
    [InlineData("extremely-fast-decision-tree", 2, "266df2779c1c99eea6864c7e62566451")]
    [InlineData("extremely-fast-decision-tree-multi-class", 2, "80b5dde4e5357091a1d50d73746fae2c")]
    [InlineData("hoeffding-tree", 3, "f2b5acb5a85ede685c98ed1fcf730c0c")]
    [InlineData("hoeffding-tree-multi-class", 3, "eec9c41a1344954034472db9a6fc20af")]
    [InlineData("extremely-fast-decision-tree", 3, "f3fe5dc06da9eb582a0e7052f38b93eb")]
    [InlineData("extremely-fast-decision-tree-multi-class", 3, "6fb12f89c827d561248a5c15af78817b")]
    [InlineData("hoeffding-adaptive-tree", 4, "8dbeabcfd88f1d527eebf3317527c59d")]
    [InlineData("hoeffding-adaptive-tree-multi-class", 4, "4ced95d6dbe5f49223f0a281e72b3942")]
    [InlineData("hoeffding-adaptive-tree", 5, "cf096dbd2d06a3497bf3277b5d776093")]
    [InlineData("hoeffding-adaptive-tree-multi-class", 5, "30b8cb0649b865f56657eeb8c8037982")]
    [InlineData("hoeffding-regression-tree", 1, "54e122bcb41fc81e9297227d761e80aa")]
    [InlineData("adaptive-random-forest-regression", 1, "084e969c2e21cdcb919ede554b4844cb")]
    [InlineData("hoeffding-regression-tree", 2, "4afc08ce7c4c4f51b4a241e5f8c140fe")]
    [InlineData("adaptive-random-forest-regression", 2, "c0d6a6f7dcc882b9764d7eb84b8058fd")]
    [InlineData("adaptive-random-forest", 2, "589cb97f05fcb1bb018d3bc6069c90b7")]
    [InlineData("streaming-random-patches", 2, "e8fc27b20f0242db8c7b6ed54125fd35")]
    [InlineData("adaptive-random-forest", 3, "f394bd7ef24139d50c94e3449d9580c6")]
    [InlineData("streaming-random-patches", 3, "eda354ac48e00e9727644a6711c06567")]
    [InlineData("adaptive-random-forest", 4, "b136667e3d8fa693f0ba712022510f73")]
    [InlineData("streaming-random-patches", 4, "8b8d68c8068926e672d8ef4d4418f1be")]
    public void Every_revision_that_is_computed_goes_on_to_compute_what_it_did(string kind, int revision, string recorded)
    {
        var learner = new ProgressiveLearner(Spec(kind, revision, 5_000));
        Fold(learner, _ => { });
        Assert.Equal(recorded, StateHash.Of(learner.Save).ToString());
    }

    [Fact]
    public void Revisions_go_on_from_what_those_before_them_saved()
    {
        // Regression trees, forests and patches have a model more since, so that their bytes are others: that they go on is tested with the golden states.
        foreach (var kind in ModelRegistry.Earlier.Where(k => k.Task != LearningTask.Regression && k.Name is not ("adaptive-random-forest" or "streaming-random-patches")))
        {
            var (old, now) = (new ProgressiveLearner(Spec(kind.Name, kind.Revision, 5_000)), new ProgressiveLearner(Spec(kind.Name, 0, 5_000)));
            Fold(old, _ => { });
            now.Load(new StateReader(ProbeStream.Bytes(old.Save)));
            Assert.Equal(StateHash.Of(old.Model.Save), StateHash.Of(now.Model.Save));
        }
    }

    private static ModelSpec Spec(string kind, int revision, int leaves)
    {
        var config = ConfigNode.Of(("algorithm", kind), ("seed", "1"), ("max-leaves", leaves.ToString(System.Globalization.CultureInfo.InvariantCulture)));
        return ModelSpec.Parse(revision == 0 ? config : config.With("revision", revision.ToString(System.Globalization.CultureInfo.InvariantCulture)));
    }

    private static double[] Errors(string kind, int revision, int leaves)
    {
        var errors = new List<double>();
        Fold(new(Spec(kind, revision, leaves)), errors.Add);
        return [.. errors];
    }

    private static void Fold(ProgressiveLearner learner, Action<double> error)
    {
        var random = new Random(5);
        using var batch = new RowBatch();
        for (var i = 0; i < Rows; i++)
        {
            batch.BeginRow();
            double first = 0, second = 0;
            for (var k = 0u; k < 10; k++)
            {
                var x = random.NextDouble();
                batch.Add(k, x);
                if (k == 0) first = x;
                if (k == 1) second = x;
            }
            Assert.Equal(RowFault.None, batch.TryEndRow((first + second > 1) == (i < Drift) ? 1 : 0));
        }
        for (var i = 0; i < Rows; i++)
        {
            var scores = learner.Learn(batch[i], ProgressiveLearner.ContentOf(batch, i), batch.Labels[i]);
            var positive = scores.Length == 1 ? scores[0] > 0.5 : scores.Length == 2 && scores[1] > scores[0];
            error(positive == batch.Labels[i] > 0 ? 0 : 1);
        }
    }
}

using System.Text;
using StreamMLOps.Learning.Tests.Models;

namespace StreamMLOps.Learning.Tests.Explanations;

public class FeatureNamesTests
{
    [Fact]
    public void The_host_of_urls_shows_up_by_name_among_the_top_weights()
    {
        var model = (ILinearModel)ModelSpec.Parse(ConfigNode.Of(("algorithm", "logistic-regression"))).Create();
        var names = new FeatureNames();
        using var batch = new RowBatch();
        var features = new NamedFeatures(batch);
        var featurizer = new UrlFeaturizer();
        for (var i = 0; i < 400; i++)
        {
            var bad = i % 3 == 0;
            batch.Clear();
            features.BeginRow();
            featurizer.Featurize(Encoding.UTF8.GetBytes($"http://{(bad ? "evilcorp" : "site" + i % 17)}.example.com/a{i % 29}/b"), features);
            features.EndRow(bad ? 1 : 0);
            names.Note(batch, 0);
            model.Learn(batch[0], batch.Labels[0]);
        }
        var top = names.Name(TopWeights.Of(model, 5));
        var host = top.Single(w => w.Name == "host=evilcorp");
        Assert.True(host.Value > 0);

        var explanation = new Explanation();
        model.Explain(batch[0], 0, explanation);
        Assert.Contains(names.Name(explanation.Top(5)), c => c.Name == "host=evilcorp");
        Assert.Equal(0, names.Collisions);
    }

    [Fact]
    public void Where_there_is_no_room_the_name_noted_longest_ago_gives_way_and_comes_back()
    {
        var names = new FeatureNames(most: 2);
        foreach (var (feature, name) in new[] { (1u, "one"), (2u, "two"), (3u, "three") }) names.Note(feature, Encoding.UTF8.GetBytes(name));
        Assert.Equal(2, names.Count);
        Assert.Equal("#1", names.NameOf(1));
        Assert.Equal("three", names.NameOf(3));
        names.Note(1, "one"u8);
        Assert.Equal("one", names.NameOf(1));
        Assert.Equal("#2", names.NameOf(2));
    }

    [Fact]
    public void Another_name_for_an_index_is_counted_and_the_first_is_kept()
    {
        var names = new FeatureNames();
        names.Note(7, "first"u8);
        names.Note(7, "second"u8);
        Assert.Equal("first", names.NameOf(7));
        Assert.Equal(1, names.Collisions);
    }

    [Fact]
    public void Names_are_saved_and_loaded_and_damage_is_refused()
    {
        var names = new FeatureNames();
        for (var i = 0u; i < 100; i++) names.Note(i * 977, Encoding.UTF8.GetBytes($"feature {i}"));
        var bytes = ProbeStream.Bytes(names.Save);
        var again = new FeatureNames();
        again.Load(new StateReader(bytes));
        Assert.Equal(bytes, ProbeStream.Bytes(again.Save));
        Assert.Equal("feature 42", again.NameOf(42 * 977));
        for (var length = 0; length < bytes.Length; length += 7)
            Assert.Throws<StateFormatException>(() => again.Load(new StateReader(bytes.AsMemory(0, length))));
        Assert.Equal("feature 42", again.NameOf(42 * 977));
    }
}

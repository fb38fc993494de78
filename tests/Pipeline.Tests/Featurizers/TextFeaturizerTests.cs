using System.Text;
using StreamMLOps.Learning;

namespace StreamMLOps.Pipeline.Tests.Featurizers;

public class TextFeaturizerTests
{
    [Fact]
    public void A_url_becomes_its_tokens_and_what_its_shape_says()
    {
        var features = Features(new UrlFeaturizer(), "HTTP://user@login.Example-bank.co.uk:8080/a/b.php?id=7#x");
        foreach (var name in new[] { "scheme=http", "url.user", "port=8080", "tld=uk", "domain=co.uk", "host=login", "host=example", "host=bank", "path=a", "path=php", "query=id", "query=7" })
            Assert.Equal(1, features[name]);
        Assert.Equal(Math.Log(1 + 3), features["host.dots"], 12);
        Assert.Equal(Math.Log(1 + 1), features["host.hyphens"], 12);
        Assert.Equal(Math.Log(1 + 5), features["url.digits"], 12);
        Assert.False(features.ContainsKey("host.address"));
    }

    [Theory]
    [InlineData("http://192.168.0.1/x", true)]
    [InlineData("http://[2001:db8::1]:80/", true)]
    [InlineData("192.168.0.256", false)]
    [InlineData("1.2.3", false)]
    [InlineData("a.b.c.d", false)]
    public void Addresses_are_told_from_names(string url, bool address) =>
        Assert.Equal(address, Features(new UrlFeaturizer(), url).ContainsKey("host.address"));

    [Fact]
    public void Entropy_is_in_bits_a_byte()
    {
        Assert.Equal(0, UrlFeaturizer.Entropy("aaaa"u8));
        Assert.Equal(2, UrlFeaturizer.Entropy("abcd"u8), 12);
        Assert.Equal(0, UrlFeaturizer.Entropy(default));
    }

    [Fact]
    public void Any_bytes_are_taken_apart_without_a_fault()
    {
        var random = new Random(5);
        foreach (var featurizer in new ITextFeaturizer[] { new UrlFeaturizer(), new NGramFeaturizer(true, 1, 8), new NGramFeaturizer(false, 1, 8), new DateFeaturizer() })
        {
            for (var i = 0; i < 2_000; i++)
            {
                var text = new byte[random.Next(i % 50 == 0 ? 9_000 : 40)];
                for (var k = 0; k < text.Length; k++) text[k] = random.Next(2) == 0 ? "/:@.?#-[] 1a%"u8[random.Next(13)] : (byte)random.Next(256);
                using var batch = new RowBatch();
                var features = new NamedFeatures(batch);
                features.BeginRow();
                featurizer.Featurize(text, features);
                features.EndRow(double.NaN);
                Assert.Equal(1, batch.Count);
            }
        }
    }

    [Fact]
    public void Characters_and_words_are_counted_in_a_row()
    {
        var characters = Features(new NGramFeaturizer(words: false, 2, 3), "Añaña");
        Assert.Equal((2, 2, 2), (characters["c2=añ"], characters["c2=ña"], characters["c3=aña"]));
        var words = Features(new NGramFeaturizer(words: true, 1, 2), "Free,  free prize!");
        Assert.Equal((2, 1, 1), (words["w1=free"], words["w2=free free"], words["w2=free prize"]));
    }

    [Fact]
    public void A_moment_becomes_its_parts()
    {
        var parts = Features(new DateFeaturizer(), "951868800000");   // 2000-03-01, a Wednesday
        Assert.Equal(["day=1", "hour=0", "month=3", "weekday=3"], parts.Keys.Order(StringComparer.Ordinal));
        Assert.Equal(["date.unknown"], Features(new DateFeaturizer(), "yesterday").Keys);
    }

    [Fact]
    public void Only_the_texts_of_a_named_field_are_taken_apart_and_settings_build_the_chain()
    {
        var faults = new List<ConfigFault>();
        var node = new ConfigNode.List([ConfigNode.Map.Empty.With("url", ConfigNode.Of(("field", "u"))), ConfigNode.Map.Empty.With("hash", ConfigNode.Of(("bits", "18")))]);
        var settings = FeaturizeSettings.Read(node, "featurize", faults);
        Assert.Empty(faults);
        Assert.Equal(settings, FeaturizeSettings.Read(settings.ToConfig(), "featurize", faults));
        using var rows = new RowBatch();
        rows.BeginRow();
        rows.Add(1, 0.5);
        rows.Add(2, 1, "u=http://a.b/c"u8);
        rows.Add(3, 1, "v=http://a.b/c"u8);
        Assert.Equal(RowFault.None, rows.TryEndRow(1));
        using var taken = new TextFeaturizer(new UrlFeaturizer(), "u", "").Featurize(rows);
        var names = Enumerable.Range(0, taken.NonZeros).Select(k => Encoding.UTF8.GetString(taken.NameOf(k))).ToArray();
        Assert.Contains("v=http://a.b/c", names);
        Assert.Contains("tld=b", names);
        Assert.Contains("", names);
        using var hashed = settings.Create().Featurize(rows);
        Assert.False(hashed.HasNames);
        Assert.Equal(1, hashed.Labels[0]);
        Assert.All(hashed.Indices.ToArray(), index => Assert.True(index < 1 << 18));

        FeaturizeSettings.Read(new ConfigNode.List([ConfigNode.Map.Empty.With("ngrams", ConfigNode.Of(("min", "4"), ("max", "2")))]), "featurize", faults);
        Assert.Contains("min", Assert.Single(faults).Message);
    }

    private static Dictionary<string, double> Features(ITextFeaturizer featurizer, string text)
    {
        using var batch = new RowBatch();
        var features = new NamedFeatures(batch);
        features.BeginRow();
        featurizer.Featurize(Encoding.UTF8.GetBytes(text), features);
        features.EndRow(double.NaN);
        var found = new Dictionary<string, double>();
        for (var k = 0; k < batch.NonZeros; k++) found.Add(Encoding.UTF8.GetString(batch.NameOf(k)), batch.Values[k]);
        return found;
    }
}

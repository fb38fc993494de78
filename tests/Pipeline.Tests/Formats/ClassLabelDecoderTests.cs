using System.Text;
using StreamMLOps.Learning;

namespace StreamMLOps.Pipeline.Tests;

public sealed class ClassLabelDecoderTests
{
    private static RawChunk Raw(params string[] records)
    {
        var raw = new RawChunk(2, 7, 100);
        foreach (var record in records) raw.Add(Encoding.UTF8.GetBytes(record));
        raw.To = 100 + records.Length;
        return raw;
    }

    [Fact]
    public void A_record_whose_label_is_no_class_is_a_dead_letter_and_all_others_stay_as_they_were()
    {
        using var raw = Raw("""{"id":"a","f":{"x":1,"7":2},"y":2,"st":5}""", """{"id":"b","f":{"x":1},"y":3}""", "", "{", """{"id":"c","f":{"x":1},"y":0.5}""", """{"id":"d","f":{"z":4}}""", """{"id":"e","f":{"z":4},"y":-1}""");
        using var chunk = new ClassLabelDecoder(new JsonDecoder(), 3).Decode(raw);
        Assert.Equal((2, 1, raw.Range), (chunk.Count, chunk.Skipped, chunk.Range));
        Assert.Equal([(100L, 2.0), (105L, double.NaN)], Enumerable.Range(0, 2).Select(i => (chunk.OffsetOf(i), chunk.Rows.Labels[i])));
        Assert.Equal(("a", 5), (Encoding.UTF8.GetString(chunk.IdOf(0)), chunk.TimeOf(0)));
        using var alone = new JsonDecoder().Decode(raw);
        Assert.Equal(alone.Rows[0].Indices.ToArray(), chunk.Rows[0].Indices.ToArray());
        Assert.Equal(ProgressiveLearner.ContentOf(alone.Rows, 0), ProgressiveLearner.ContentOf(chunk.Rows, 0));
        Assert.Equal([101, 103, 104, 106], chunk.DeadLetters.Select(d => d.Offset));
        Assert.Equal((RowFault.BadLabel, "decode", "the label 3 is no class: labels are whole numbers from 0 to 2 (max-classes of the model sets the limit)"), (chunk.DeadLetters[0].Fault, chunk.DeadLetters[0].Stage, chunk.DeadLetters[0].Cause));
        Assert.Equal("""{"id":"b","f":{"x":1},"y":3}""", Encoding.UTF8.GetString(chunk.DeadLetters[0].Bytes));
    }

    [Fact]
    public void A_label_that_comes_apart_and_is_no_class_is_a_dead_letter_of_its_own_stage()
    {
        using var raw = Raw("""{"id":"a","y":1}""", """{"id":"b","y":1.5}""");
        using var chunk = new ClassLabelDecoder(new LabelDecoder(), 3, stage: LabelDecoder.Stage).Decode(raw);
        Assert.Equal(1, chunk.Count);
        Assert.Equal((101, LabelDecoder.Stage), (chunk.DeadLetters[0].Offset, chunk.DeadLetters[0].Stage));
    }

    [Theory]
    [InlineData("softmax-regression", "", 100L)]
    [InlineData("softmax-regression", "max-classes = 7", 7L)]
    [InlineData("drift-retraining-multi-class", "model { algorithm = softmax-regression, max-classes = 5 }", 5L)]
    [InlineData("class-weighted-multi-class", "max-classes = 9, model { algorithm = softmax-regression, max-classes = 12 }", 9L)]
    [InlineData("logistic-regression", "", null)]
    [InlineData("linear-regression", "", null)]
    public void The_limit_of_classes_is_the_least_of_the_model_and_those_in_it(string kind, string parameters, long? classes)
    {
        var settings = NodeSettingsReader.Parse($"stream-mlops.pipelines.p {{ source {{ path = x }}, model {{ algorithm = {kind}, {parameters} }} }}");
        Assert.Equal(classes, settings.Pipelines[0].Model.Classes);
        Assert.Equal(classes is not null, settings.Pipelines[0].CreateDecoder() is ClassLabelDecoder);
    }
}

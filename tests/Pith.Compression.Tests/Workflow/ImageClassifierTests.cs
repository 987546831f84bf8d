using Pith.Compression.Data;
using Pith.Compression.Evaluation;
using Pith.Models;

namespace Pith.Compression.Tests.Workflow;

public sealed class ImageClassifierTests : IDisposable
{
    private static readonly ImageDataset s_images = DatasetCatalog.Open("procedural:seed=1,count=9");

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    public void Answers_are_those_of_the_evaluation(int batch)
    {
        var graph = ModelCatalog.Find("cifar-resnet8").Build();
        using var classifier = new ImageClassifier(EngineBuilder.Build(graph, new EngineOptions { MaxBatch = batch, TimeTactics = false }));
        using var engine = EngineBuilder.Build(graph, new EngineOptions { TimeTactics = false });
        using var context = engine.CreateContext();
        var answers = classifier.Classify([.. Enumerable.Range(0, s_images.Count).Select(i => s_images.Load(i).Image!)], 10);
        var run = new ClassifierRun(context, s_images, Preprocessing.FromJson(engine.Metadata[Preprocessing.MetadataKey]));
        foreach (var (scored, i) in run.Batches(TestContext.Current.CancellationToken).SelectMany(images => images).Select((scored, i) => (scored, i)))
        {
            Assert.Equal(scored.Scores.ToArray(), answers[i].OrderBy(answer => answer.Class).Select(answer => answer.Score));
            Assert.Equal(TopKAccuracy.ArgMax(scored.Scores.Span), answers[i][0].Class);
            Assert.Equal(1, answers[i].Sum(answer => (double)answer.Probability), 1e-5);
            Assert.Equal(answers[i].Select(answer => answer.Probability).OrderDescending(), answers[i].Select(answer => answer.Probability));
        }
        Assert.Equal(3, classifier.Classify(s_images.Load(0).Image!, 3).Count);
    }

    [Fact]
    public async Task A_file_and_a_plan_answer_alike_with_the_labels_of_the_metadata()
    {
        var graph = ModelCatalog.Find("cifar-resnet8").Build(new ModelOptions { Classes = 3 });
        graph.Metadata[ClassLabels.MetadataKey] = """["ant","bee","cat"]""";
        OnnxModel.Save(graph, _folder.File("net.onnx"));
        using var engine = EngineBuilder.Build(graph, new EngineOptions { TimeTactics = false });
        engine.Save(_folder.File("net.plan"));
        var image = s_images.Load(0).Image!;
        File.WriteAllBytes(_folder.File("image.bmp"), Bitmap(image));
        using var fromFile = ImageClassifier.Load(_folder.File("net.onnx"));
        using var fromPlan = ImageClassifier.Load(_folder.File("net.plan"));
        Assert.Equal(["ant", "bee", "cat"], fromFile.Labels);
        var answer = fromFile.Classify(image);
        Assert.Equal(["ant", "bee", "cat"], answer.Select(a => a.Label).Order());
        Assert.Equal(answer.Select(a => a.Class), fromPlan.Classify(_folder.File("image.bmp")).Select(a => a.Class));
        Assert.Equal(answer.Select(a => a.Class), (await fromPlan.ClassifyAsync(_folder.File("image.bmp"), cancellation: TestContext.Current.CancellationToken)).Select(a => a.Class));
        await Assert.ThrowsAsync<PithException>(() => fromPlan.ClassifyAsync(_folder.File("missing.png"), cancellation: TestContext.Current.CancellationToken));
    }

    [Fact]
    public void Many_threads_may_ask_and_disposal_waits_for_them()
    {
        var classifier = new ImageClassifier(EngineBuilder.Build(ModelCatalog.Find("cifar-resnet8").Build(), new EngineOptions { TimeTactics = false, Threads = 1 }));
        var expected = Enumerable.Range(0, s_images.Count).Select(i => classifier.Classify(s_images.Load(i).Image!)[0]).ToArray();
        Parallel.For(0, 90, new ParallelOptions { MaxDegreeOfParallelism = 4 }, i => Assert.Equal(expected[i % 9], classifier.Classify(s_images.Load(i % 9).Image!)[0]));
        classifier.Dispose();
        Assert.Throws<ObjectDisposedException>(() => classifier.Classify(s_images.Load(0).Image!));
    }

    [Fact]
    public void What_does_not_fit_is_refused()
    {
        var graph = ModelCatalog.Find("cifar-resnet8").Build();
        var labels = Assert.Throws<PithException>(() => new ImageClassifier(EngineBuilder.Build(graph, new EngineOptions { TimeTactics = false }), new ImageClassifierOptions { Labels = ["one"] }));
        Assert.Contains("10 classes, got 1 labels", labels.Message, StringComparison.Ordinal);
        graph.Metadata.Remove(Preprocessing.MetadataKey);
        OnnxModel.Save(graph, _folder.File("net.onnx"));
        Assert.Contains("Preprocess", Assert.Throws<PithException>(() => ImageClassifier.Load(_folder.File("net.onnx"))).Message, StringComparison.Ordinal);
        graph.Metadata[ClassLabels.MetadataKey] = "[null]";
        Assert.Throws<PithException>(() => ClassLabels.Of(graph.Metadata));
    }

    // 24 bits, bottom row first.
    private static byte[] Bitmap(Image image)
    {
        var stride = (image.Width * 3 + 3) / 4 * 4;
        using var stream = new MemoryStream();
        using var writer = new BinaryWriter(stream);
        writer.Write("BM"u8);
        writer.Write(54 + stride * image.Height);
        foreach (var field in (int[])[0, 54, 40, image.Width, image.Height, 1 | 24 << 16, 0, stride * image.Height, 2835, 2835, 0, 0]) writer.Write(field);
        for (var y = image.Height - 1; y >= 0; y--)
        {
            for (var x = 0; x < image.Width; x++)
                for (var c = 2; c >= 0; c--) writer.Write(image.Pixels.Span[(y * image.Width + x) * 3 + c]);
            writer.Write(new byte[stride - image.Width * 3]);
        }
        return stream.ToArray();
    }
}

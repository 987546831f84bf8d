using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Pith.Compression.Data;
using Pith.Models;

namespace Pith.Serving.Tests;

/// <summary>Pith in a host of the application's own.</summary>
public sealed class HostingTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("pith-test-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void A_service_gets_the_classifier_and_the_host_disposes_it()
    {
        var path = Path.Combine(_folder, "net.onnx");
        OnnxModel.Save(ModelCatalog.Find("cifar-resnet8").Build(), path);
        var image = new Image(32, 32, 3, new byte[32 * 32 * 3]);
        ImageClassifier classifier;
        using (var provider = new ServiceCollection().AddLogging().AddPith(path, new ImageClassifierOptions { Threads = 1 }).BuildServiceProvider())
        {
            classifier = provider.GetRequiredService<ImageClassifier>();
            Assert.Same(classifier, provider.GetRequiredService<ImageClassifier>());
            Assert.Equal(3, classifier.Classify(image, 3).Count);
        }
        Assert.Throws<ObjectDisposedException>(() => classifier.Classify(image));
        Assert.Throws<PithException>(() => new ServiceCollection().AddLogging().AddPith(Path.Combine(_folder, "missing.onnx")).BuildServiceProvider().GetRequiredService<ImageClassifier>());
    }

    [Fact]
    public void Events_become_log_lines()
    {
        var lines = new Lines();
        var events = new EventLogger(lines);
        events.Report(new Warning("look\nhere"));
        for (var done = 0; done <= 3; done++) events.Report(new ProgressMade("calibrate", done, 3));
        events.Report(new PassApplied("FoldBatchNorm", 2));
        Assert.Equal([LogLevel.Warning, LogLevel.Information, LogLevel.Information, LogLevel.Debug], lines.Written.Select(line => line.Level));
        Assert.DoesNotContain('\n', lines.Written[0].Text);
        Assert.Contains("FoldBatchNorm", lines.Written[3].Text, StringComparison.Ordinal);
    }

    private sealed class Lines : ILogger
    {
        public List<(LogLevel Level, string Text)> Written { get; } = [];

        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) => Written.Add((logLevel, formatter(state, exception)));
    }
}

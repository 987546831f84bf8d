using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Pith.Serving;

/// <summary>Pith in a host of the application's own: <c>services.AddPith("net-int8.onnx")</c>, then take an <see cref="ImageClassifier"/> wherever one is needed.</summary>
public static class PithServices
{
    /// <summary>Adds one <see cref="ImageClassifier"/> for the whole application, which disposes it. It is loaded when it is first asked for; what happens meanwhile goes to the log, category <c>Pith</c>.</summary>
    /// <param name="services">The application's services.</param>
    /// <param name="model">An ONNX file, or a plan.</param>
    /// <param name="options">Batch, threads, preprocessing, labels. Events go to the log where it names no other receiver.</param>
    /// <returns><paramref name="services"/>.</returns>
    public static IServiceCollection AddPith(this IServiceCollection services, string model, ImageClassifierOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentException.ThrowIfNullOrEmpty(model);
        options ??= new ImageClassifierOptions();
        return services.AddSingleton(provider => ImageClassifier.Load(model, options with { Progress = options.Progress ?? new EventLogger(provider.GetRequiredService<ILoggerFactory>().CreateLogger("Pith")) }));
    }
}


namespace Pith.Tests.Onnx;

internal static class ModelBuilderErrors
{
    /// <summary>The message with which the model is refused.</summary>
    public static string LoadError(this ModelBuilder model) => Assert.Throws<PithException>(() => model.Load()).Message;
}
